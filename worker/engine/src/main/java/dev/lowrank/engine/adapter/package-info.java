/** Low-rank adapters: their weights, their starting values, and the proof that a written one is sound. */
@NullMarked
package dev.lowrank.engine.adapter;

import org.jspecify.annotations.NullMarked;
