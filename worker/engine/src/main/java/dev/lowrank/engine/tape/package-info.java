/** Automatic differentiation over the coarse operations of the kernels. */
@NullMarked
package dev.lowrank.engine.tape;

import org.jspecify.annotations.NullMarked;
