/** Fine-tuning jobs: made, listed, watched and cancelled as the OpenAI clients do it. */
@NullMarked
package dev.lowrank.platform.jobs;

import org.jspecify.annotations.NullMarked;
