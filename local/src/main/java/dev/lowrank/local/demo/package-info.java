/** The demonstration: one job over HTTP from upload to downloaded adapter, drawn on the terminal. */
@NullMarked
package dev.lowrank.local.demo;

import org.jspecify.annotations.NullMarked;
