/** The bases of this installation and the models made from them. */
@NullMarked
package dev.lowrank.platform.models;

import org.jspecify.annotations.NullMarked;
