/** The files of the ecosystem: safetensors, Hugging Face model folders and PEFT adapter folders; readers trust nothing. */
@NullMarked
package dev.lowrank.engine.format;

import org.jspecify.annotations.NullMarked;
