package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Statement.Binding;
import dev.lowrank.engine.template.Statement.Branch;
import dev.lowrank.engine.template.Statement.Parameter;
import dev.lowrank.engine.template.Statement.Signature;
import dev.lowrank.engine.template.Statement.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads text and tags into statements. */
final class StatementParser {
    private final TokenCursor at;
    private final ExpressionParser expressions;
    private final TargetParser targets;
    private int loops;

    private StatementParser(TokenCursor at) {
        this.at = at;
        this.expressions = new ExpressionParser(at);
        this.targets = new TargetParser(at, expressions);
    }

    static List<Statement> parse(String source) {
        StatementParser parser = new StatementParser(new TokenCursor(Lexer.tokens(source)));
        return parser.statements("", 1, Set.of());
    }

    /** Reads up to an end tag, whose word is then current; with no end words, up to the end of the template. */
    private List<Statement> statements(String block, int opened, Set<String> ends) {
        List<Statement> body = new ArrayList<>();
        while (true) {
            Token token = at.take();
            switch (token.kind()) {
                case DATA -> body.add(new Statement.Text(token.line(), token.text()));
                case PRINT_BEGIN -> {
                    body.add(new Statement.Print(token.line(), expressions.tuple(true, null)));
                    at.expect(Token.Kind.PRINT_END, "\"}}\"");
                }
                case BLOCK_BEGIN -> {
                    if (at.current().kind() == Token.Kind.NAME
                            && ends.contains(at.current().text())) {
                        return body;
                    }
                    body.add(statement(block, opened));
                    at.expect(Token.Kind.BLOCK_END, "\"%}\"");
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw TemplateException.at(
                                opened,
                                "the block \"%s\" is never closed; add \"{%% end%s %%}\".".formatted(block, block));
                    }
                    return body;
                }
            }
        }
    }

    /** A body after its opening tag, up to and with the closing tag's word. */
    private List<Statement> body(String block, int line) {
        at.skipOperator(":");
        at.expect(Token.Kind.BLOCK_END, "\"%}\"");
        List<Statement> body = statements(block, line, Set.of("end" + block));
        at.take();
        return body;
    }

    private List<Statement> bodyUntil(String block, int line, Set<String> ends) {
        at.skipOperator(":");
        at.expect(Token.Kind.BLOCK_END, "\"%}\"");
        return statements(block, line, ends);
    }

    private Statement statement(String outer, int outerLine) {
        at.enter();
        Token tag = at.expect(Token.Kind.NAME, "the name of a tag");
        int line = tag.line();
        Statement statement = switch (tag.text()) {
            case "if" -> condition(line);
            case "for" -> loop(line);
            case "set" -> set(line);
            case "macro" -> macro(line);
            case "call" -> call(line);
            case "filter" -> new Statement.FilterBlock(line, filters(expressions.filter()), body("filter", line));
            case "with" -> with(line);
            case "generation" -> new Statement.Generation(line, unlooped("generation", line));
            case "break" -> new Statement.Break(inLoop(line, "break"));
            case "continue" -> new Statement.Continue(inLoop(line, "continue"));
            default -> throw unknownTag(tag, outer, outerLine);
        };
        at.leave();
        return statement;
    }

    private static TemplateException unknownTag(Token tag, String outer, int outerLine) {
        boolean misplaced = tag.text().startsWith("end") || tag.text().startsWith("el");
        String remedy = !misplaced
                ? "use if, for, set, macro, call, filter, with, raw, generation, break or continue"
                : outer.isEmpty()
                        ? "no block is open here, so remove it"
                        : "the open block is \"%s\" of line %d, so close that one first".formatted(outer, outerLine);
        return TemplateException.at(tag.line(), "the tag \"%s\" is not known here; %s.".formatted(tag.text(), remedy));
    }

    private int inLoop(int line, String word) {
        if (loops == 0) {
            throw TemplateException.at(line, "\"%s\" stands outside of a loop; remove it.".formatted(word));
        }
        return line;
    }

    private Statement condition(int line) {
        List<Branch> branches = new ArrayList<>();
        String word;
        do {
            Expression test = expressions.tuple(false, null);
            branches.add(new Branch(test, bodyUntil("if", line, Set.of("elif", "else", "endif"))));
            word = at.take().text();
        } while (word.equals("elif"));
        return new Statement.If(line, branches, word.equals("else") ? body("if", line) : List.of());
    }

    private Statement loop(int line) {
        Target target = targets.target("in", false);
        at.expectWord("in");
        Expression over = expressions.tuple(false, "recursive");
        Expression test = at.skipName("if") ? expressions.expression() : null;
        boolean recursive = at.skipName("recursive");
        loops++;
        List<Statement> body = bodyUntil("for", line, Set.of("else", "endfor"));
        loops--;
        List<Statement> otherwise = at.take().isName("else") ? body("for", line) : List.of();
        return new Statement.For(line, target, over, test, recursive, body, otherwise);
    }

    private Statement set(int line) {
        Target target = targets.target(null, true);
        if (at.skipOperator("=")) {
            return new Statement.Set(line, target, expressions.tuple(true, null));
        }
        List<Expression.Named> filters = at.skipOperator("|") ? filters(expressions.filter()) : List.of();
        return new Statement.SetBlock(line, target, filters, body("set", line));
    }

    private List<Expression.Named> filters(Expression.Named first) {
        List<Expression.Named> filters = new ArrayList<>(List.of(first));
        while (at.skipOperator("|")) {
            filters.add(expressions.filter());
        }
        return filters;
    }

    private Statement macro(int line) {
        String name = at.expectName("the name of the macro");
        List<Parameter> parameters = targets.parameters();
        Set<String> outer = at.beginNames();
        List<Statement> body = unlooped("macro", line);
        return new Statement.MacroBlock(line, name, signature(parameters, at.endNames(outer)), body);
    }

    private Statement call(int line) {
        List<Parameter> parameters = at.current().isOperator("(") ? targets.parameters() : List.of();
        if (!(expressions.expression() instanceof Expression.Call call)) {
            throw TemplateException.at(line, "\"call\" needs a call of a macro, such as {% call name() %}.");
        }
        Set<String> outer = at.beginNames();
        List<Statement> body = unlooped("call", line);
        return new Statement.CallBlock(line, signature(parameters, at.endNames(outer)), call, body);
    }

    /** Bodies that run as a macro of their own: a loop outside cannot be left from inside. */
    private List<Statement> unlooped(String block, int line) {
        int outside = loops;
        loops = 0;
        List<Statement> body = body(block, line);
        loops = outside;
        return body;
    }

    private static Signature signature(List<Parameter> parameters, Set<String> names) {
        return new Signature(parameters, names.contains("caller"), names.contains("kwargs"), names.contains("varargs"));
    }

    private Statement with(int line) {
        List<Binding> bindings = new ArrayList<>();
        while (at.current().kind() != Token.Kind.BLOCK_END) {
            if (!bindings.isEmpty()) {
                at.expectOperator(",");
            }
            Target target = targets.target(null, false);
            at.expectOperator("=");
            bindings.add(new Binding(target, expressions.expression()));
        }
        return new Statement.With(line, bindings, body("with", line));
    }
}
