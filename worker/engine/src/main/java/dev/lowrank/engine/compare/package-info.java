/** Several ways to fine-tune one base on one data set, trained alike, judged alike, and put side by side. */
@NullMarked
package dev.lowrank.engine.compare;

import org.jspecify.annotations.NullMarked;
