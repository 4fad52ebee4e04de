/** What an operator can set, with its defaults. */
@NullMarked
package dev.lowrank.platform.settings;

import org.jspecify.annotations.NullMarked;
