/** The CPU implementation of the kernels: matrix products by oneDNN, everything else by the Vector API. */
@NullMarked
package dev.lowrank.kernels.cpu;

import org.jspecify.annotations.NullMarked;
