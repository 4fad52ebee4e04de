/** A PostgreSQL server from packaged binaries, its data kept between runs. */
@NullMarked
package dev.lowrank.local.postgres;

import org.jspecify.annotations.NullMarked;
