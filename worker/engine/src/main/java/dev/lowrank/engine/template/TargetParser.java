package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Statement.Parameter;
import dev.lowrank.engine.template.Statement.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the names a template gives: what is assigned to, and the parameters of macros. */
final class TargetParser {
    private static final Set<String> CONSTANTS = Set.of("true", "false", "none", "True", "False", "None");

    private final TokenCursor at;
    private final ExpressionParser expressions;

    TargetParser(TokenCursor at, ExpressionParser expressions) {
        this.at = at;
        this.expressions = expressions;
    }

    /** The parameters of a macro, brackets included. */
    List<Parameter> parameters() {
        at.expectOperator("(");
        List<Parameter> parameters = new ArrayList<>();
        boolean optional = false;
        while (!at.current().isOperator(")")) {
            String name = at.expectName("the name of a parameter");
            Expression otherwise = at.skipOperator("=") ? expressions.expression() : null;
            if (optional && otherwise == null) {
                throw at.fail(
                        "the parameter \"%s\" needs a default, because the one before it has one.".formatted(name));
            }
            optional = otherwise != null;
            parameters.add(new Parameter(name, otherwise));
            if (!at.current().isOperator(")")) {
                at.expectOperator(",");
            }
        }
        at.expectOperator(")");
        return parameters;
    }

    /** One name, or several with commas between; {@code ns.name} where a namespace may be assigned to. */
    Target target(@Nullable String endWord, boolean namespaces) {
        int line = at.current().line();
        List<Target> targets = new ArrayList<>();
        targets.add(one(namespaces));
        boolean several = false;
        while (at.skipOperator(",")) {
            several = true;
            if (targetEnds(endWord)) {
                break;
            }
            targets.add(one(namespaces));
        }
        return several ? new Target.Several(line, targets) : targets.getFirst();
    }

    private boolean targetEnds(@Nullable String endWord) {
        return at.current().isOperator("=")
                || at.current().isOperator(")")
                || (endWord != null && at.current().isName(endWord));
    }

    private Target one(boolean namespaces) {
        at.enter();
        int line = at.current().line();
        Target target;
        if (at.skipOperator("(")) {
            target = target(null, namespaces);
            at.expectOperator(")");
        } else {
            String name = at.expectName("a name to assign to");
            if (CONSTANTS.contains(name)) {
                throw TemplateException.at(line, "\"%s\" cannot be assigned to; choose another name.".formatted(name));
            }
            target = namespaces && at.skipOperator(".")
                    ? new Target.Attribute(line, name, at.expectName("a name after the dot"))
                    : new Target.Variable(name);
        }
        at.leave();
        return target;
    }
}
