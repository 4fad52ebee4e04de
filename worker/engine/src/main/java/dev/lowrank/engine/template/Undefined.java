package dev.lowrank.engine.template;

/**
 * What a missing name or key gives: empty when printed, false, an error when used.
 *
 * @param problem why it is missing, without a full stop
 */
record Undefined(String problem) {
    static Undefined name(String name) {
        return new Undefined("'%s' is undefined".formatted(name));
    }

    static Undefined attribute(Object of, String name) {
        return new Undefined("%s has no attribute '%s'".formatted(ValueKinds.described(of), name));
    }

    static Undefined element(Object of, String index) {
        return new Undefined("%s has no element %s".formatted(ValueKinds.described(of), index));
    }

    TemplateException used(Run run) {
        return run.fail(problem + "; check the messages and variables, or guard it with \"is defined\".");
    }

    /** All undefined values are equal, whatever is missing. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Undefined;
    }

    @Override
    public int hashCode() {
        return 1;
    }
}
