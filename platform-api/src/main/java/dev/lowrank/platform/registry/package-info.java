/** The adapter registry: adapters and their versions. */
@NullMarked
package dev.lowrank.platform.registry;

import org.jspecify.annotations.NullMarked;
