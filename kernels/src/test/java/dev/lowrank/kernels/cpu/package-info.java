/** The kernels' contract on the CPU, and what is the CPU's own. */
@NullMarked
package dev.lowrank.kernels.cpu;

import org.jspecify.annotations.NullMarked;
