/** Schema, rows, the queue's SQL and the blob store; the only place where SQL is written. */
@NullMarked
package dev.lowrank.db;

import org.jspecify.annotations.NullMarked;
