package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.PreferenceDataset;
import dev.lowrank.engine.data.RowEncoder;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Sha256;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tokenizer.Tokenizer;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** The rows of a run, as tokens, for what the run minimises. */
final class RunData {
    /** Turns rows into an objective, once there is something to train. */
    private interface Use {
        Objective over(Trainee trainee, Kernels kernels, Workspace scratch);
    }

    private record Rows(RowLengths lengths, Use use) {}

    private final Rows training;
    private final @Nullable Rows validation;
    private final int maxLength;
    private final String trainingSha256;
    private final @Nullable String validationSha256;

    private RunData(
            Rows training,
            @Nullable Rows validation,
            int maxLength,
            String trainingSha256,
            @Nullable String validationSha256) {
        this.training = training;
        this.validation = validation;
        this.maxLength = maxLength;
        this.trainingSha256 = trainingSha256;
        this.validationSha256 = validationSha256;
    }

    static RunData load(TrainingSpec spec, ModelFolder base) throws IOException {
        if (!Files.exists(base.path().resolve("tokenizer.json"))) {
            return read(spec, base, null);
        }
        try (Tokenizer tokenizer = Tokenizer.open(base.path())) {
            RowEncoder encoder = new RowEncoder(
                    tokenizer, TemplateRenderer.of(tokenizer), spec.training().trainOn());
            return read(spec, base, encoder);
        }
    }

    private static RunData read(TrainingSpec spec, ModelFolder base, @Nullable RowEncoder encoder) throws IOException {
        Architecture architecture = Architecture.read(base.config(), base.path().resolve("config.json"));
        int length = Math.min(spec.training().maxLength(), architecture.maxPositions());
        Path file = Path.of(spec.trainingFile());
        Path heldOut = spec.validationFile() == null ? null : Path.of(spec.validationFile());
        Double beta = spec.training().beta();
        BiFunction<Path, Integer, Rows> read = beta != null
                ? (path, most) -> pairs(path, encoder, architecture.vocabulary(), most, beta)
                : (path, most) -> tokens(path, spec, encoder, architecture.vocabulary(), most);
        return new RunData(
                read.apply(file, length),
                heldOut == null ? null : read.apply(heldOut, length),
                length,
                Sha256.of(file),
                heldOut == null ? null : Sha256.of(heldOut));
    }

    private static Rows tokens(Path file, TrainingSpec spec, @Nullable RowEncoder encoder, int vocabulary, int length) {
        Dataset rows = Dataset.load(file, spec.format(), encoder, vocabulary, length);
        return new Rows(
                RowLengths.of(rows), (trainee, kernels, scratch) -> Objective.of(rows, trainee, kernels, scratch));
    }

    private static Rows pairs(Path file, @Nullable RowEncoder encoder, int vocabulary, int length, double beta) {
        PreferenceDataset rows = PreferenceDataset.load(file, encoder, vocabulary, length);
        return new Rows(
                RowLengths.of(rows),
                (trainee, kernels, scratch) -> Objective.of(rows, trainee, beta, kernels, scratch));
    }

    Objective training(Trainee trainee, Kernels kernels, Workspace scratch) {
        return training.use.over(trainee, kernels, scratch);
    }

    @Nullable
    Objective validation(Trainee trainee, Kernels kernels, Workspace scratch) {
        return validation == null ? null : validation.use.over(trainee, kernels, scratch);
    }

    RowLengths trainingLengths() {
        return training.lengths;
    }

    @Nullable
    RowLengths validationLengths() {
        return validation == null ? null : validation.lengths;
    }

    /** Most tokens of a row, and of a pack of rows. */
    int maxLength() {
        return maxLength;
    }

    String trainingSha256() {
        return trainingSha256;
    }

    /** Null if there is no validation file. */
    @Nullable
    String validationSha256() {
        return validationSha256;
    }
}
