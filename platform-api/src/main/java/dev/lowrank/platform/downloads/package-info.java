/** Stored bytes over HTTP: whole, in ranges, and not twice. */
@NullMarked
package dev.lowrank.platform.downloads;

import org.jspecify.annotations.NullMarked;
