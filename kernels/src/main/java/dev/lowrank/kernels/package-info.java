/** Tensors and the operations on them, behind one interface with an implementation for each kind of device. */
@NullMarked
package dev.lowrank.kernels;

import org.jspecify.annotations.NullMarked;
