package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TrainedSpansTest {
    @Test
    void conversationOfManyAnswersIsRefusedBeforeItIsWrittenTooOften() {
        String long32Mi = "x".repeat(32 << 20);
        AtomicInteger written = new AtomicInteger();
        ChatRenderer renderer = (messages, tools, prompt) -> {
            written.incrementAndGet();
            return long32Mi;
        };
        List<Map<String, Object>> messages = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            messages.add(Map.of("role", "user", "content", "?"));
            messages.add(Map.of("role", "assistant", "content", "!"));
        }
        assertThatThrownBy(() -> TrainedSpans.of(new Row.Chat(messages, null, 0), renderer))
                .isInstanceOf(RowException.class)
                .hasMessageContaining("has too many answers for a conversation of 33554432 characters");
        assertThat(written).hasValueLessThan(16);
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
