/** Bytes by their digest: the files on the disk and the rows that name them. */
@NullMarked
package dev.lowrank.db.blob;

import org.jspecify.annotations.NullMarked;
