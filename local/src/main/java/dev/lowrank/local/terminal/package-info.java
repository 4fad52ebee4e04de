/** What a person sees: colours, a progress line, tables. */
@NullMarked
package dev.lowrank.local.terminal;

import org.jspecify.annotations.NullMarked;
