/** Whether a device computes what another does, on random numbers and shapes. */
@NullMarked
package dev.lowrank.kernels.check;

import org.jspecify.annotations.NullMarked;
