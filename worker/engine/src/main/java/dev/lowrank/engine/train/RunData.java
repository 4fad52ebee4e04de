package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.RowEncoder;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Sha256;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The rows of a run, as tokens. */
record RunData(Dataset training, @Nullable Dataset validation, String trainingSha256) {
    static RunData load(TrainingSpec spec, ModelFolder base) throws IOException {
        Path training = Path.of(spec.trainingFile());
        if (!Files.exists(base.path().resolve("tokenizer.json"))) {
            return read(spec, base, null, training);
        }
        try (Tokenizer tokenizer = Tokenizer.open(base.path())) {
            RowEncoder encoder = new RowEncoder(
                    tokenizer, TemplateRenderer.of(tokenizer), spec.training().trainOn());
            return read(spec, base, encoder, training);
        }
    }

    private static RunData read(TrainingSpec spec, ModelFolder base, @Nullable RowEncoder encoder, Path training)
            throws IOException {
        Architecture config = Architecture.read(base.config(), base.path().resolve("config.json"));
        int length = Math.min(spec.training().maxLength(), config.maxPositions());
        Dataset rows = Dataset.load(training, spec.format(), encoder, config.vocabulary(), length);
        String validation = spec.validationFile();
        Dataset heldOut = validation == null
                ? null
                : Dataset.load(Path.of(validation), rows.format(), encoder, config.vocabulary(), length);
        return new RunData(rows, heldOut, Sha256.of(training));
    }

    int longestRow() {
        return Math.max(training.longestRow(), validation == null ? 0 : validation.longestRow());
    }
}
