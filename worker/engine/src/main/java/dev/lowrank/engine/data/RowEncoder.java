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

    /** @throws RowException if the row cannot be written or read as tokens */
    Example encode(Row row) {
        return switch (row) {
            case Row.Tokenized given -> new Example(given.ids(), given.labels());
            case Row.Chat chat -> encode(spans(chat));
            case Row.Completion completion ->
                encode(
                        trainOn == TrainOn.ALL
                                ? TrainedSpans.whole(completion.prompt() + completion.completion())
                                : TrainedSpans.of(completion));
            case Row.Text text -> encode(TrainedSpans.whole(text.text()));
        };
    }

    /** The text the model sees, or null for a row that was given as ids. */
    @Nullable
    String textOf(Row row) {
        return switch (row) {
            case Row.Tokenized given -> null;
            case Row.Chat chat -> spans(chat).text();
            case Row.Completion completion -> completion.prompt() + completion.completion();
            case Row.Text text -> text.text();
        };
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

    private Example encode(TrainedSpans spans) {
        Encoding encoding = encodeText(spans.text());
        int[] labels = encoding.ids().clone();
        for (int i = 0; i < labels.length; i++) {
            if (trainOn != TrainOn.ALL && !spans.covers(encoding.starts()[i])) {
                labels[i] = Example.IGNORED;
            }
        }
        return new Example(encoding.ids(), labels);
    }

    private Encoding encodeText(String text) {
        try {
            return tokenizer.encode(text);
        } catch (InputException e) {
            throw new RowException("", String.valueOf(e.getMessage()));
        }
    }
}
