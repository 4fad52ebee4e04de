package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Encoding;
import dev.lowrank.engine.tokenizer.Tokenizer;
import org.jspecify.annotations.Nullable;

/** Turns rows of text into token ids and labels, with a base model's tokenizer and chat template. */
public final class RowEncoder {
    private final Tokenizer tokenizer;
    private final @Nullable ChatRenderer renderer;
    private final TrainOn trainOn;

    /**
     * An encoder.
     *
     * @param renderer null if the model has no chat template; chat rows are then refused
     */
    public RowEncoder(Tokenizer tokenizer, @Nullable ChatRenderer renderer, TrainOn trainOn) {
        this.tokenizer = tokenizer;
        this.renderer = renderer;
        this.trainOn = trainOn;
    }

    /**
     * Any row as tokens; a row of ids needs no encoder.
     *
     * @throws RowException if it cannot be written or read as tokens
     */
    static EncodedRow encode(Row.Lesson row, @Nullable RowEncoder encoder) {
        if (row instanceof Row.Tokenized given) {
            return new EncodedRow(null, null, new Example(given.ids(), given.labels()));
        }
        if (encoder == null) {
            throw new RowException(
                    "",
                    "The row is text, but the base model has no tokenizer.json; add it to its folder, or give rows of"
                            + " {\"input_ids\", \"labels\"}.");
        }
        return encoder.encode(encoder.spans(row));
    }

    private TrainedSpans spans(Row.Lesson row) {
        return switch (row) {
            case Row.Chat chat -> spans(chat);
            case Row.Alpaca alpaca ->
                renderer == null
                        ? TrainedSpans.of(AlpacaRows.asText(alpaca, tokenizer.eosToken()))
                        : spans(AlpacaRows.asChat(alpaca));
            case Row.Completion completion -> TrainedSpans.of(completion);
            case Row.Text text -> TrainedSpans.whole(text.text());
            case Row.Tokenized tokenized -> throw new IllegalArgumentException("a tokenized row has no text");
        };
    }

    /** The chat template, or null if there is none. */
    @Nullable
    ChatRenderer renderer() {
        return renderer;
    }

    /** What the ids stand for, special tokens included. */
    String decode(int[] ids) {
        return tokenizer.decode(ids, false);
    }

    private TrainedSpans spans(Row.Chat chat) {
        if (renderer == null) {
            throw new RowException(
                    "messages",
                    "cannot be used: the base model has no chat template; add a chat_template.jinja to its folder, or give"
                            + " rows of {\"prompt\", \"completion\"}.");
        }
        return trainOn == TrainOn.ALL ? TrainedSpans.all(chat, renderer) : TrainedSpans.of(chat, renderer);
    }

    private EncodedRow encode(TrainedSpans spans) {
        Encoding encoding = encodeText(spans.text());
        int[] labels = encoding.ids().clone();
        for (int i = 0; i < labels.length; i++) {
            if (trainOn != TrainOn.ALL && !spans.covers(encoding.starts()[i])) {
                labels[i] = Example.IGNORED;
            }
        }
        return new EncodedRow(spans.text(), encoding.starts(), new Example(encoding.ids(), labels));
    }

    private Encoding encodeText(String text) {
        try {
            return tokenizer.encode(text);
        } catch (InputException e) {
            throw new RowException("", String.valueOf(e.getMessage()));
        }
    }
}
