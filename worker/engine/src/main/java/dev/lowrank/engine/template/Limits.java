package dev.lowrank.engine.template;

/** How much a template may ask for; far above what published templates need, far below what would hurt the host. */
final class Limits {
    /** Characters of template source. */
    static final int SOURCE = 1_000_000;

    /** Levels of blocks and brackets inside one another in the source. */
    static final int NESTING = 100;

    /** Operators, filters or lookups in one chain, as in {@code a + b + c}. */
    static final int CHAIN = 400;

    /** Evaluations inside one another while rendering: nested expressions, blocks and macro calls together. */
    static final int DEPTH = 800;

    /** Evaluations, loop turns and elements looked at in one rendering. */
    static final long STEPS = 10_000_000;

    /** Characters in one text, the rendered conversation included. */
    static final int TEXT = 16_000_000;

    /** Characters made in one rendering, all intermediate texts together; an element of a list counts as {@link #ELEMENT}. */
    static final long WORK = 64_000_000;

    /** What one element of a list or map counts towards {@link #WORK}. */
    static final int ELEMENT = 32;

    /** Elements of one {@code range()}, as in Jinja's sandbox. */
    static final long RANGE = 100_000;

    /** Levels of lists and maps inside one another, in variables and in what is printed or compared. */
    static final int VALUE_DEPTH = 200;

    private Limits() {}
}
