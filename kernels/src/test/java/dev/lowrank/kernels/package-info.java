/** What every implementation of the kernels must do, told by a plain reference in double precision. */
@NullMarked
package dev.lowrank.kernels;

import org.jspecify.annotations.NullMarked;
