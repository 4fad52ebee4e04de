/** Adapters, their versions, and the keys that sign download links. */
@NullMarked
package dev.lowrank.db.registry;

import org.jspecify.annotations.NullMarked;
