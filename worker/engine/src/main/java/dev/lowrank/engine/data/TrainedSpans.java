package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.List;

/**
 * A text, and which parts of it carry loss.
 *
 * @param spans in code points, end excluded, in order
 */
record TrainedSpans(String text, List<Span> spans) {
    /** Each answer is found by writing the conversation up to it again: many in a long one would take for ever. */
    private static final long MOST_WORK = 1L << 26;
    /** Characters that writing a message costs besides its own. */
    private static final int MESSAGE = 256;

    record Span(int from, int to) {}

    static TrainedSpans whole(String text) {
        return new TrainedSpans(text, List.of(new Span(0, text.codePointCount(0, text.length()))));
    }

    static TrainedSpans of(Row.Completion row) {
        String text = row.prompt() + row.completion();
        int from = row.prompt().codePointCount(0, row.prompt().length());
        return new TrainedSpans(text, List.of(new Span(from, text.codePointCount(0, text.length()))));
    }

    /**
     * Renders a conversation. An assistant's turn is everything that the template writes after the generation prompt: the
     * answer and what ends it.
     *
     * @throws RowException if the template refuses the conversation, or writes a turn differently once others follow, so
     *     that no part of the text is that turn
     */
    static TrainedSpans of(Row.Chat row, ChatRenderer renderer) {
        String whole = render(row, row.messages().size(), false, renderer);
        List<Span> spans = new ArrayList<>();
        requireFewAnswers(row, whole.length());
        for (int i = 0; i < row.messages().size(); i++) {
            if (row.learns(i)) {
                String before = render(row, i, true, renderer);
                String after = i + 1 == row.messages().size() ? whole : render(row, i + 1, false, renderer);
                if (!whole.startsWith(after)) {
                    throw new RowException(
                            "messages[%d]".formatted(i),
                            "is written differently by the chat template once later messages follow; give this message"
                                    + " \"weight\": 0, or make a row of its own that ends with it.");
                }
                if (!after.startsWith(before)) {
                    throw new RowException(
                            "messages[%d]".formatted(i),
                            "does not begin, in the chat template's text, with the prompt the model will be given to"
                                    + " answer; set train_on to \"all\", or use a template that writes both alike.");
                }
                spans.add(new Span(length(before), length(after)));
            }
        }
        return new TrainedSpans(whole, spans);
    }

    private static void requireFewAnswers(Row.Chat row, int characters) {
        int messages = row.messages().size();
        long answers = 0;
        for (int i = 0; i < messages; i++) {
            answers += row.learns(i) ? 1 : 0;
        }
        if (answers * (characters + (long) MESSAGE * messages) > MOST_WORK) {
            throw new RowException(
                    "messages",
                    "has %d answers to learn in a conversation of %d messages and %d characters, which takes too long to tell apart; split the row, give answers \"weight\": 0, or set train_on to \"all\"."
                            .formatted(answers, messages, characters));
        }
    }

    /** The whole conversation, without looking for the assistant's part. */
    static TrainedSpans all(Row.Chat row, ChatRenderer renderer) {
        return whole(render(row, row.messages().size(), false, renderer));
    }

    private static String render(Row.Chat row, int messages, boolean addGenerationPrompt, ChatRenderer renderer) {
        try {
            return renderer.render(row.messages().subList(0, messages), row.tools(), addGenerationPrompt);
        } catch (RuntimeException e) {
            throw new RowException(
                    "messages",
                    "cannot be written by the model's chat template%s (%s); change the conversation to what the template allows."
                            .formatted(
                                    messages == 0 ? ", which wants a message before the first answer" : "",
                                    e.getMessage()));
        }
    }

    private static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** Whether the token that begins at this code point carries loss. */
    boolean covers(int start) {
        int low = 0;
        int high = spans.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            Span span = spans.get(middle);
            if (start < span.from()) {
                high = middle - 1;
            } else if (start >= span.to()) {
                low = middle + 1;
            } else {
                return true;
            }
        }
        return false;
    }
}
