package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Statement.Parameter;
import dev.lowrank.engine.template.Statement.Signature;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro or the body of a call block; gives the text it writes. */
final class Macro implements Callable {
    private final String name;
    private final Signature signature;
    private final List<Statement> body;
    private final Scope around;
    private final Interpreter interpreter;
    private final Evaluator evaluator;

    Macro(
            String name,
            Signature signature,
            List<Statement> body,
            Scope around,
            Interpreter interpreter,
            Evaluator evaluator) {
        this.name = name;
        this.signature = signature;
        this.body = body;
        this.around = around;
        this.interpreter = interpreter;
        this.evaluator = evaluator;
    }

    @Override
    public Object call(Arguments arguments, Run run) {
        Scope scope = around.inner();
        List<Object> positional = arguments.positional();
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        List<Parameter> parameters = signature.parameters();
        for (int i = 0; i < parameters.size(); i++) {
            Parameter parameter = parameters.get(i);
            Object passed = i < positional.size() ? positional.get(i) : named.remove(parameter.name());
            scope.set(parameter.name(), passed != null ? passed : otherwise(parameter, scope));
        }
        boolean callerIsParameter = parameters.stream().anyMatch(p -> p.name().equals("caller"));
        if (signature.caller() && !callerIsParameter) {
            Object caller = named.remove("caller");
            scope.set("caller", caller != null ? caller : new Undefined("No caller defined"));
        }
        takeRest(scope, positional, named, run);
        return interpreter.captured(body, scope);
    }

    private Object otherwise(Parameter parameter, Scope scope) {
        Expression otherwise = parameter.otherwise();
        return otherwise != null
                ? evaluator.value(otherwise, scope)
                : new Undefined("parameter '%s' was not provided".formatted(parameter.name()));
    }

    private void takeRest(Scope scope, List<Object> positional, Map<String, Object> named, Run run) {
        int count = signature.parameters().size();
        if (signature.kwargs()) {
            scope.set("kwargs", new LinkedHashMap<Object, Object>(named));
        } else if (!named.isEmpty()) {
            throw run.fail("the macro \"%s\" takes no argument \"%s\"; remove it."
                    .formatted(name, named.keySet().iterator().next()));
        }
        if (signature.varargs()) {
            scope.set(
                    "varargs", Tuple.copyOf(positional.subList(Math.min(count, positional.size()), positional.size())));
        } else if (positional.size() > count) {
            throw run.fail("the macro \"%s\" takes at most %d arguments, but gets %d."
                    .formatted(name, count, positional.size()));
        }
    }
}
