/** The bases that workers can load. */
@NullMarked
package dev.lowrank.db.model;

import org.jspecify.annotations.NullMarked;
