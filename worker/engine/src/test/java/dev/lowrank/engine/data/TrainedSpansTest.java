package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TrainedSpansTest {
    private static List<Map<String, Object>> turns(int count) {
        List<Map<String, Object>> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            messages.add(Map.of("role", "user", "content", "?"));
            messages.add(Map.of("role", "assistant", "content", "!"));
        }
        return messages;
    }

    @Test
    void conversationOfVeryManyAnswersIsRefusedOnceItIsWritten() {
        AtomicInteger written = new AtomicInteger();
        ChatRenderer renderer = (messages, tools, prompt) -> {
            written.incrementAndGet();
            return "?!".repeat(messages.size());
        };
        assertThatThrownBy(() -> TrainedSpans.of(new Row.Chat(turns(1_000), null, 0), renderer))
                .isInstanceOf(RowException.class)
                .hasMessageContaining(
                        "has 1000 answers to learn in a conversation of 2000 messages and 4000 characters");
        assertThat(written).hasValue(1);
    }

    @Test
    void longConversationOfManyAnswersIsStillRead() {
        ChatRenderer renderer = (messages, tools, prompt) -> "x".repeat(5_000 * messages.size());
        assertThat(TrainedSpans.of(new Row.Chat(turns(60), null, 0), renderer).spans())
                .hasSize(60);
    }

    @Test
    void tokenCarriesLossExactlyWhereASpanCoversItsFirstCharacter() {
        TrainedSpans spans = new TrainedSpans(
                "0123456789",
                List.of(new TrainedSpans.Span(1, 3), new TrainedSpans.Span(3, 3), new TrainedSpans.Span(7, 9)));
        StringBuilder covered = new StringBuilder();
        for (int i = 0; i < 10; i++) {
            covered.append(spans.covers(i) ? i : "-");
        }
        assertThat(covered).hasToString("-12----78-");
    }
}
