package dev.lowrank.engine.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What does something: writes text, sets a name, repeats. */
sealed interface Statement {
    int line();

    record Text(int line, String text) implements Statement {}

    record Print(int line, Expression value) implements Statement {}

    record If(int line, List<Branch> branches, List<Statement> otherwise) implements Statement {}

    record For(
            int line,
            Target target,
            Expression over,
            @Nullable Expression test,
            boolean recursive,
            List<Statement> body,
            List<Statement> otherwise)
            implements Statement {}

    record Set(int line, Target target, Expression value) implements Statement {}

    record SetBlock(int line, Target target, List<Expression.Named> filters, List<Statement> body)
            implements Statement {}

    record MacroBlock(int line, String name, Signature signature, List<Statement> body) implements Statement {}

    record CallBlock(int line, Signature signature, Expression.Call call, List<Statement> body) implements Statement {}

    record FilterBlock(int line, List<Expression.Named> filters, List<Statement> body) implements Statement {}

    record With(int line, List<Binding> bindings, List<Statement> body) implements Statement {}

    /** {@code generation}: marks what the model wrote; renders its body. */
    record Generation(int line, List<Statement> body) implements Statement {}

    record Break(int line) implements Statement {}

    record Continue(int line) implements Statement {}

    /** A condition and what it guards. */
    record Branch(Expression test, List<Statement> body) {}

    /** One {@code name = value} of a {@code with}. */
    record Binding(Target target, Expression value) {}

    /**
     * Parameters of a macro.
     *
     * @param caller whether the body speaks of {@code caller}
     * @param kwargs whether the body speaks of {@code kwargs}, so that any keyword is taken
     * @param varargs whether the body speaks of {@code varargs}, so that any number of values is taken
     */
    record Signature(List<Parameter> parameters, boolean caller, boolean kwargs, boolean varargs) {}

    /** A parameter and the value it has when nothing is passed. */
    record Parameter(String name, @Nullable Expression otherwise) {}

    /** Where an assignment goes. */
    sealed interface Target {
        record Variable(String name) implements Target {}

        record Attribute(int line, String namespace, String name) implements Target {}

        record Several(int line, List<Target> targets) implements Target {}
    }
}
