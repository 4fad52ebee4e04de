/** The CUDA kernels on a device that needs no GPU. */
@NullMarked
package dev.lowrank.kernels.cuda;

import org.jspecify.annotations.NullMarked;
