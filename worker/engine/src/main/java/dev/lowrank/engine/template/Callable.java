package dev.lowrank.engine.template;

/** What can be called: a macro, a method of a text or map, a function such as {@code range}. */
@FunctionalInterface
interface Callable {
    Object call(Arguments arguments, Run run);
}
