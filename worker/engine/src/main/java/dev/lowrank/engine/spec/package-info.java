/** The one validated record of what a training job does, shared by the command line, the API and the worker. */
@NullMarked
package dev.lowrank.engine.spec;

import org.jspecify.annotations.NullMarked;
