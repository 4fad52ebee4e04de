package dev.lowrank.engine.merge;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.Example;
import dev.lowrank.engine.data.RowEncoder;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows to compare two models on. Few enough that their logits fit into a quarter of a gibibyte.
 *
 * @param dataset whether they are real rows; else their tokens are random
 */
record Probe(List<Example> rows, boolean dataset) {
    private static final int MOST_ROWS = 8;
    private static final int LONGEST = 512;
    private static final int RANDOM_ROWS = 4;
    private static final int RANDOM_LENGTH = 32;
    private static final int MOST_LOGITS = 1 << 26;
    private static final long KEY = CounterRandom.key(0, "probe");

    /** The first rows of a dataset, as training would see them. */
    static Probe of(Path dataset, Path base, Architecture architecture) {
        int length = Math.min(LONGEST, architecture.maxPositions());
        Dataset data;
        if (Files.exists(base.resolve("tokenizer.json"))) {
            try (Tokenizer tokenizer = Tokenizer.open(base)) {
                RowEncoder encoder = new RowEncoder(tokenizer, TemplateRenderer.of(tokenizer), TrainOn.ASSISTANT);
                data = Dataset.load(dataset, DataFormat.AUTO, encoder, architecture.vocabulary(), length);
            }
        } else {
            data = Dataset.load(dataset, DataFormat.AUTO, null, architecture.vocabulary(), length);
        }
        List<Example> rows = new ArrayList<>();
        long room = MOST_LOGITS / architecture.vocabulary();
        for (int row = 0; row < Math.min(data.size(), MOST_ROWS); row++) {
            room -= data.get(row).ids().length;
            if (room < 0 && !rows.isEmpty()) {
                break;
            }
            rows.add(data.get(row));
        }
        return new Probe(rows, true);
    }

    /** Always the same random tokens, every one of which is to be predicted. */
    static Probe random(Architecture architecture) {
        List<Example> rows = new ArrayList<>();
        int length = Math.min(RANDOM_LENGTH, architecture.maxPositions());
        for (int row = 0; row < RANDOM_ROWS; row++) {
            int[] ids = new int[length];
            for (int i = 0; i < length; i++) {
                ids[i] = (int) (CounterRandom.uniform(KEY, (long) row * length + i) * architecture.vocabulary());
            }
            rows.add(new Example(ids, ids.clone()));
        }
        return new Probe(rows, false);
    }

    int longest() {
        return rows.stream().mapToInt(row -> row.ids().length).max().orElse(0);
    }
}
