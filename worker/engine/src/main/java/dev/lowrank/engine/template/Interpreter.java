package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Expression.Named;
import dev.lowrank.engine.template.Statement.Binding;
import dev.lowrank.engine.template.Statement.Branch;
import dev.lowrank.engine.template.Statement.Signature;
import dev.lowrank.engine.template.Statement.Target;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Carries out statements. */
final class Interpreter {
    /** What a loop does after a statement. */
    private enum Flow {
        ON,
        CONTINUE,
        BREAK
    }

    private final Run run;
    private final Evaluator evaluator;

    Interpreter(Run run) {
        this.run = run;
        this.evaluator = new Evaluator(run);
    }

    void render(List<Statement> statements, Scope scope, Sink out) {
        all(statements, scope, out);
    }

    /** What a body writes, with names of its own. */
    String captured(List<Statement> body, Scope scope) {
        Sink inner = new Sink(run);
        all(body, scope, inner);
        return inner.toString();
    }

    private Flow all(List<Statement> statements, Scope scope, Sink out) {
        for (Statement statement : statements) {
            Flow flow = one(statement, scope, out);
            if (flow != Flow.ON) {
                return flow;
            }
        }
        return Flow.ON;
    }

    private Flow one(Statement statement, Scope scope, Sink out) {
        run.enter(statement.line());
        Flow flow = switch (statement) {
            case Statement.Text text -> write(text.text(), out);
            case Statement.Print print -> write(print(print.value(), scope), out);
            case Statement.If choice -> choose(choice, scope, out);
            case Statement.For loop -> loop(loop, evaluator.value(loop.over(), scope), 0, scope, out);
            case Statement.Set set -> assign(set.target(), evaluator.value(set.value(), scope), scope);
            case Statement.SetBlock set -> set(set, scope);
            case Statement.MacroBlock macro -> define(macro, scope);
            case Statement.CallBlock call -> write(call(call, scope), out);
            case Statement.FilterBlock block -> filter(block, scope, out);
            case Statement.With with -> with(with, scope, out);
            case Statement.Generation generation -> all(generation.body(), scope.inner(), out);
            case Statement.Break leave -> Flow.BREAK;
            case Statement.Continue next -> Flow.CONTINUE;
        };
        run.leave();
        return flow;
    }

    private static Flow write(String text, Sink out) {
        out.add(text);
        return Flow.ON;
    }

    private String print(Expression expression, Scope scope) {
        Object value = evaluator.value(expression, scope);
        run.at(expression.line());
        return PythonText.str(value, run);
    }

    private Flow choose(Statement.If choice, Scope scope, Sink out) {
        for (Branch branch : choice.branches()) {
            if (ValueKinds.truth(evaluator.value(branch.test(), scope))) {
                return all(branch.body(), scope, out);
            }
        }
        return all(choice.otherwise(), scope, out);
    }

    private Flow loop(Statement.For loop, Object over, long depth, Scope scope, Sink out) {
        run.at(loop.line());
        LoopState state = new LoopState(
                turns(loop, over, scope),
                loop.test() == null ? Sequences.length(over, run) : -1,
                depth,
                loop.recursive() ? (items, level) -> again(loop, items, level, scope) : null,
                run);
        boolean finished = false;
        for (Object item = state.next(); item != null; item = state.next()) {
            run.enter(loop.line());
            Scope turn = scope.inner();
            turn.set("loop", state);
            assign(loop.target(), item, turn);
            Flow flow = all(loop.body(), turn, out);
            run.leave();
            if (flow == Flow.BREAK) {
                break;
            }
            // Jinja takes a loop for empty as long as no turn has reached its end.
            finished |= flow == Flow.ON;
        }
        if (!finished) {
            return all(loop.otherwise(), scope.inner(), out);
        }
        return Flow.ON;
    }

    private String again(Statement.For loop, Object over, long depth, Scope scope) {
        Sink out = new Sink(run);
        loop(loop, over, depth, scope, out);
        return out.toString();
    }

    private Iterator<Object> turns(Statement.For loop, Object over, Scope scope) {
        Expression test = loop.test();
        if (test == null) {
            return Sequences.iterate(over, run);
        }
        return Sequences.filter(
                        over,
                        item -> {
                            Scope candidate = scope.inner();
                            assign(loop.target(), item, candidate);
                            return ValueKinds.truth(evaluator.value(test, candidate));
                        },
                        run)
                .elements();
    }

    private Flow assign(Target target, Object value, Scope scope) {
        switch (target) {
            case Target.Variable variable -> scope.set(variable.name(), value);
            case Target.Attribute attribute -> assign(attribute, value, scope);
            case Target.Several several -> unpack(several, value, scope);
        }
        return Flow.ON;
    }

    private void assign(Target.Attribute target, Object value, Scope scope) {
        if (!(scope.get(target.namespace()) instanceof Namespace namespace)) {
            throw run.fail("\"%s\" is no namespace, so \"%s.%s\" cannot be set; make it with namespace() first."
                    .formatted(target.namespace(), target.namespace(), target.name()));
        }
        namespace.set(target.name(), value);
    }

    private void unpack(Target.Several target, Object value, Scope scope) {
        List<Object> items = Sequences.list(value, run);
        List<Target> targets = target.targets();
        if (items.size() != targets.size()) {
            throw run.fail("%d values are given to %d names; use as many names as values."
                    .formatted(items.size(), targets.size()));
        }
        for (int i = 0; i < items.size(); i++) {
            assign(targets.get(i), items.get(i), scope);
        }
    }

    /** A loop left from inside the block leaves the name as it was. */
    private Flow set(Statement.SetBlock block, Scope scope) {
        Scope inner = scope.inner();
        Sink text = new Sink(run);
        Flow flow = all(block.body(), inner, text);
        return flow == Flow.ON
                ? assign(block.target(), filtered(block.filters(), text.toString(), inner), scope)
                : flow;
    }

    private Flow filter(Statement.FilterBlock block, Scope scope, Sink out) {
        Scope inner = scope.inner();
        Sink text = new Sink(run);
        Flow flow = all(block.body(), inner, text);
        return flow == Flow.ON
                ? write(PythonText.str(filtered(block.filters(), text.toString(), inner), run), out)
                : flow;
    }

    private Object filtered(List<Named> filters, String text, Scope scope) {
        Object value = text;
        for (Named filter : filters) {
            value = evaluator.filter(filter, value, scope);
        }
        return value;
    }

    private Flow define(Statement.MacroBlock block, Scope scope) {
        scope.set(block.name(), macro(block.name(), block.signature(), block.body(), scope));
        return Flow.ON;
    }

    private Macro macro(String name, Signature signature, List<Statement> body, Scope scope) {
        return new Macro(name, signature, body, scope, this, evaluator);
    }

    private String call(Statement.CallBlock block, Scope scope) {
        Macro caller = macro("caller", block.signature(), block.body(), scope);
        Object result = evaluator.call(block.call(), Map.of("caller", caller), scope);
        return PythonText.str(result, run);
    }

    private Flow with(Statement.With with, Scope scope, Sink out) {
        Scope inner = scope.inner();
        for (Binding binding : with.bindings()) {
            assign(binding.target(), evaluator.value(binding.value(), scope), inner);
        }
        return all(with.body(), inner, out);
    }
}
