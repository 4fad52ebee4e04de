/** The admin console: pages rendered here, brought to life by small scripts that ask this server only. */
@NullMarked
package dev.lowrank.platform.console;

import org.jspecify.annotations.NullMarked;
