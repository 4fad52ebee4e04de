/** The platform's API and console; each sub-package is one duty. */
@NullMarked
package dev.lowrank.platform;

import org.jspecify.annotations.NullMarked;
