/** Chat templates: an interpreter for the part of Jinja that published templates use, over plain maps, with bounded steps and output. */
@NullMarked
package dev.lowrank.engine.template;

import org.jspecify.annotations.NullMarked;
