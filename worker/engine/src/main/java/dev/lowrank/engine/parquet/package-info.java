/**
 * Reads rows of Apache Parquet files, nested columns included, without trusting a number in them: nothing is allocated by
 * a size before that size is checked against bounds and bytes that are there.
 */
@NullMarked
package dev.lowrank.engine.parquet;

import org.jspecify.annotations.NullMarked;
