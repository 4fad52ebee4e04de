/** What a person types: train, generate, evaluate, inspect. */
@NullMarked
package dev.lowrank.engine.cli;

import org.jspecify.annotations.NullMarked;
