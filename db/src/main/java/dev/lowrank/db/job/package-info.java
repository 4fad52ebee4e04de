/** Fine-tuning jobs as clients see them: made, listed, watched, cancelled. */
@NullMarked
package dev.lowrank.db.job;

import org.jspecify.annotations.NullMarked;
