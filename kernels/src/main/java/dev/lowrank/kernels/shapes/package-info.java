/**
 * The checks at the door of every operation, the same on every device: one method for each operation that has any, named after
 * it. What does not fit is an {@link java.lang.IllegalArgumentException} that names the operation and the tensor.
 */
@NullMarked
package dev.lowrank.kernels.shapes;

import org.jspecify.annotations.NullMarked;
