/** Stacks of device memory, wherever it comes from. */
@NullMarked
package dev.lowrank.kernels.memory;

import org.jspecify.annotations.NullMarked;
