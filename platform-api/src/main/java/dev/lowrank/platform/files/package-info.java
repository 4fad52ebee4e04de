/** Training files: checked line by line as they are uploaded, stored by digest. */
@NullMarked
package dev.lowrank.platform.files;

import org.jspecify.annotations.NullMarked;
