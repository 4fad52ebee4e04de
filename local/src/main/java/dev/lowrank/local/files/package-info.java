/** Folders on disk: the data folder with its owner, and trees that are removed whole. */
@NullMarked
package dev.lowrank.local.files;

import org.jspecify.annotations.NullMarked;
