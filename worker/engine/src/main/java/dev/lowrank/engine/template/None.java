package dev.lowrank.engine.template;

/** Python's {@code None}; Java's null stays outside, so that every value here is an object. */
enum None {
    NONE
}
