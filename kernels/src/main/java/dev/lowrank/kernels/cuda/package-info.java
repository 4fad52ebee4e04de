/** The CUDA implementation of the kernels: our own, in {@code src/main/cuda}, launched through a driver. */
@NullMarked
package dev.lowrank.kernels.cuda;

import org.jspecify.annotations.NullMarked;
