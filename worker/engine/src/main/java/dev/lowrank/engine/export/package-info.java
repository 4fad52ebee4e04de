/** Models and adapters as files for other programs: GGUF, checked by reading back what was written. */
@NullMarked
package dev.lowrank.engine.export;

import org.jspecify.annotations.NullMarked;
