package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds what a chat template silently leaves out of conversations: it would be neither seen nor learned. A part is left
 * out if the text is the same without it.
 */
final class LeftOut {
    private static final Set<String> UNCOMMON = Set.of("developer", "tool", "function");
    /** Rows that are looked at: each costs some renderings. */
    private static final int MOST = 1_000;

    private final ChatRenderer renderer;
    private int looked;
    private int tools;
    private int calls;
    private int messages;

    LeftOut(ChatRenderer renderer) {
        this.renderer = renderer;
    }

    void look(Row.Chat row) {
        boolean special = row.tools() != null
                || row.messages().stream().anyMatch(m -> isUncommon(m) || m.get("tool_calls") != null);
        if (!special || looked == MOST) {
            return;
        }
        looked++;
        String whole = render(row.messages(), row.tools());
        tools += row.tools() != null && same(whole, row.messages(), null) ? 1 : 0;
        boolean lacksCall = false;
        boolean lacksMessage = false;
        for (int i = 0; i < row.messages().size(); i++) {
            Map<String, Object> message = row.messages().get(i);
            if (isUncommon(message)) {
                lacksMessage |= same(whole, with(row.messages(), i, null), row.tools());
            } else if (message.get("tool_calls") != null) {
                Map<String, Object> silent = new HashMap<>(message);
                silent.remove("tool_calls");
                lacksCall |= same(whole, with(row.messages(), i, silent), row.tools());
            }
        }
        calls += lacksCall ? 1 : 0;
        messages += lacksMessage ? 1 : 0;
    }

    private static boolean isUncommon(Map<String, Object> message) {
        return message.get("role") instanceof String role && UNCOMMON.contains(role);
    }

    private static List<Map<String, Object>> with(
            List<Map<String, Object>> messages, int at, @Nullable Map<String, Object> instead) {
        List<Map<String, Object>> changed = new ArrayList<>(messages);
        if (instead == null) {
            changed.remove(at);
        } else {
            changed.set(at, instead);
        }
        return changed;
    }

    private boolean same(@Nullable String whole, List<Map<String, Object>> messages, @Nullable List<?> tools) {
        return whole != null && whole.equals(render(messages, tools));
    }

    private @Nullable String render(List<Map<String, Object>> messages, @Nullable List<?> tools) {
        try {
            return renderer.render(messages, tools, false);
        } catch (RuntimeException e) {
            return null;
        }
    }

    /** One sentence for each kind of part that is left out. */
    List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        say(sentences, tools, "the tools");
        say(sentences, calls, "the tool calls of an assistant message");
        say(sentences, messages, "a message of role developer, tool or function");
        return sentences;
    }

    private void say(List<String> sentences, int rows, String what) {
        if (rows > 0) {
            sentences.add(
                    "The chat template leaves out %s in %,d of the %,d rows looked at: the model will not see them; take a base whose template knows them, or say it in other messages."
                            .formatted(what, rows, looked));
        }
    }
}
