/** Uploaded files and the files that jobs leave behind. */
@NullMarked
package dev.lowrank.db.file;

import org.jspecify.annotations.NullMarked;
