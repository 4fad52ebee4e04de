/** The 8-bit codes of bitsandbytes, as all devices know them. */
@NullMarked
package dev.lowrank.kernels.codes;

import org.jspecify.annotations.NullMarked;
