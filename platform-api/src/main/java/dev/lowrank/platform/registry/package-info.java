/** The adapter registry: adapters, versions and what was proven of each. */
@NullMarked
package dev.lowrank.platform.registry;

import org.jspecify.annotations.NullMarked;
