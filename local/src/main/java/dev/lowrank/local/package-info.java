/** The whole platform on one machine, as child processes of one command. */
@NullMarked
package dev.lowrank.local;

import org.jspecify.annotations.NullMarked;
