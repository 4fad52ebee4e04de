package dev.lowrank.engine.template;

import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;

/**
 * A compiled chat template: turns a conversation into the text a model was trained on. Renders as the Jinja sandbox that
 * the transformers library uses does; see docs/chat-templates.md for what is supported. Safe for use by several threads.
 */
public final class ChatTemplate {
    private final String source;
    private final List<Statement> statements;

    private ChatTemplate(String source, List<Statement> statements) {
        this.source = source;
        this.statements = statements;
    }

    /** @throws TemplateException naming the line that cannot be understood, and the remedy */
    public static ChatTemplate compile(String source) {
        return new ChatTemplate(source, StatementParser.parse(source));
    }

    /**
     * Renders with the system's clock.
     *
     * @param variables {@code messages}, {@code tools}, {@code add_generation_prompt}, {@code bos_token} and whatever else
     *     the template asks for; values are maps with text keys, lists, texts, numbers, booleans and null
     * @throws TemplateException when the template refuses the messages, makes a mistake or asks for too much
     */
    public String render(Map<String, ?> variables) {
        return render(variables, Clock.system(ZoneId.systemDefault()));
    }

    /**
     * Renders as of a given time.
     *
     * @param clock what {@code strftime_now} reads
     * @throws TemplateException when the template refuses the messages, makes a mistake or asks for too much
     */
    public String render(Map<String, ?> variables, Clock clock) {
        Run run = new Run();
        Scope globals = Scope.outermost(Globals.functions(clock));
        Scope scope =
                Scope.within(globals, new Inputs(run).variables(variables)).inner();
        Sink out = new Sink(run);
        new Interpreter(run).render(statements, scope, out);
        return out.toString();
    }

    /** The text this was compiled from. */
    public String source() {
        return source;
    }
}
