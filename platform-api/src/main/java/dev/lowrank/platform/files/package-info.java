/** Training files: uploaded, checked line by line, listed, downloaded, deleted. */
@NullMarked
package dev.lowrank.platform.files;

import org.jspecify.annotations.NullMarked;
