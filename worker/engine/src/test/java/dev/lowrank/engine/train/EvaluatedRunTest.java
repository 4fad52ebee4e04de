package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.spec.EarlyStopping;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Runs that judge the validation rows as they go. Half of the fixture is learnt by heart, so the other half gets worse. */
class EvaluatedRunTest {
    @TempDir
    private Path folder;

    private Path training;
    private Path validation;

    /** Remembers what a run told. */
    private static final class Recorder implements RunControl {
        private final List<Validation> validations = new ArrayList<>();
        private String reason = "";

        @Override
        public void evaluated(Validation validation) {
            validations.add(validation);
        }

        @Override
        public void stoppedEarly(String reason) {
            this.reason = reason;
        }

        Validation best() {
            return validations.stream()
                    .min(Comparator.comparingDouble(Validation::loss))
                    .orElseThrow();
        }
    }

    @BeforeEach
    void splitFixture() throws IOException {
        List<String> rows = Files.readAllLines(TinyRun.FIXTURE.resolve("rows.jsonl"));
        training = Files.write(folder.resolve("training.jsonl"), rows.subList(0, 6));
        validation = Files.write(folder.resolve("validation.jsonl"), rows.subList(6, 10));
    }

    private TinyRun run() {
        return new TinyRun()
                .with("training_file", training.toString())
                .with("validation_file", validation.toString())
                .training("learning_rate", 0.02)
                .training("gradient_accumulation", 1)
                .training("epochs", 5)
                .training("evaluate_every_steps", 2);
    }

    private TinyRun bestAndLast() {
        return run().training("keep", "best-and-last");
    }

    @Test
    void evaluationsStandInTheLinesOfTheirStepsAndChangeNothing() throws IOException {
        Path with = folder.resolve("with");
        Path without = folder.resolve("without");
        Recorder recorder = new Recorder();
        run().in(with, recorder);
        run().training("evaluate_every_steps", 0).in(without);
        assertThat(adapter(with)).isEqualTo(adapter(without));
        assertThat(Conformance.losses(with.resolve("metrics.jsonl")))
                .isEqualTo(Conformance.losses(without.resolve("metrics.jsonl")));
        assertThat(recorder.validations).extracting(Validation::step).containsExactly(2, 4, 6, 8, 10, 12, 14, 15);
        List<String> lines = Files.readAllLines(with.resolve("metrics.jsonl"));
        assertThat(lines).hasSize(15);
        for (Validation measured : recorder.validations) {
            JsonNode line = JsonMapper.shared().readTree(lines.get(measured.step() - 1));
            assertThat(line.get("step").asInt()).isEqualTo(measured.step() - 1);
            assertThat(line.get("validation_loss").asDouble()).isEqualTo(measured.loss());
            assertThat(line.get("validation_token_accuracy").asDouble()).isEqualTo(measured.tokenAccuracy());
        }
        assertThat(lines.get(0)).doesNotContain("validation");
    }

    @Test
    void bestStateIsTheResultAndTheLastLiesBesideIt() throws IOException {
        Path plain = folder.resolve("plain");
        Path out = folder.resolve("out");
        run().in(plain);
        Recorder recorder = new Recorder();
        bestAndLast().in(out, recorder);
        Validation best = recorder.best();
        assertThat(best.step()).isLessThan(15);
        assertThat(adapter(out.resolve("last"))).isEqualTo(adapter(plain));
        Path upToBest = folder.resolve("up-to-best");
        bestAndLast().in(upToBest, new StopAfter(best.step()));
        assertThat(adapter(out)).isEqualTo(adapter(upToBest)).isNotEqualTo(adapter(plain));
        JsonNode note = JsonMapper.shared().readTree(Files.readString(out.resolve("training.json")));
        assertThat(note.get("result").asString()).isEqualTo("best");
        assertThat(note.get("step").asInt()).isEqualTo(best.step());
        assertThat(note.get("validation_loss").asDouble()).isEqualTo(best.loss());
        assertThat(note.at("/last/step").asInt()).isEqualTo(15);
    }

    @Test
    void heldOutLossIsThatOfTheBestAndTrainingGoesOnFromTheLast() throws IOException {
        Path whole = folder.resolve("whole");
        bestAndLast().in(whole);
        Recorder recorder = new Recorder();
        try (Kernels kernels = CpuKernels.open(2);
                TrainingRun run = bestAndLast().open(folder.resolve("out"), kernels)) {
            run.train(new StopAfter(9));
            run.evaluate();
            run.writeOutput(folder.resolve("between"));
            run.train(recorder);
            HeldOut heldOut = Objects.requireNonNull(run.evaluate());
            run.writeOutput(folder.resolve("out"));
            JsonNode note = JsonMapper.shared().readTree(Files.readString(folder.resolve("out/training.json")));
            assertThat(heldOut.tunedLoss())
                    .isEqualTo(note.get("validation_loss").asDouble());
            assertThat(run.resultStep()).isEqualTo(note.get("step").asInt());
        }
        assertThat(adapter(folder.resolve("out"))).isEqualTo(adapter(whole));
        assertThat(adapter(folder.resolve("out/last"))).isEqualTo(adapter(whole.resolve("last")));
    }

    @Test
    void oneCheckpointAloneHoldsTheBestStateToo() throws IOException {
        Path whole = folder.resolve("whole");
        Path first = folder.resolve("first");
        Path second = folder.resolve("second");
        Recorder recorder = new Recorder();
        bestAndLast().in(whole, recorder);
        int after = recorder.best().step() + 1;
        bestAndLast().in(first, new StopAfter(after));
        String name = "checkpoints/step-%08d".formatted(after);
        Files.createDirectories(second.resolve("checkpoints"));
        Files.move(first.resolve(name), second.resolve(name));
        Durable.deleteTree(first);
        bestAndLast().in(second);
        assertThat(adapter(second)).isEqualTo(adapter(whole));
        assertThat(adapter(second.resolve("last"))).isEqualTo(adapter(whole.resolve("last")));
    }

    @Test
    void runStopsEarlyAtTheSameStepWhetherResumedOrNot() throws IOException {
        Path whole = folder.resolve("whole");
        Path parts = folder.resolve("parts");
        Recorder recorder = new Recorder();
        assertThat(early().in(whole, recorder)).isEqualTo(Ending.STOPPED_EARLY);
        assertThat(recorder.validations).extracting(Validation::step).containsExactly(2, 4, 6, 8);
        assertThat(recorder.reason).startsWith("Stopped early after step 8 of 15: no validation loss lower than ");
        assertThat(early().in(parts, new StopAfter(5))).isEqualTo(Ending.STOPPED);
        Recorder resumed = new Recorder();
        assertThat(early().in(parts, resumed)).isEqualTo(Ending.STOPPED_EARLY);
        assertThat(resumed.reason).isEqualTo(recorder.reason);
        assertThat(adapter(parts)).isEqualTo(adapter(whole));
        assertThat(Files.readString(parts.resolve("training.json"))).contains(recorder.reason);
        Recorder again = new Recorder();
        assertThat(early().in(parts, again)).isEqualTo(Ending.STOPPED_EARLY);
        assertThat(again.validations).isEmpty();
        assertThat(again.reason).isEqualTo(recorder.reason);
        assertThat(Conformance.losses(parts.resolve("metrics.jsonl"))).hasSize(8);
    }

    /** No loss can fall by so much, so the first evaluation stays the mark. */
    private TinyRun early() {
        return run().training("early_stopping", Map.of("patience", 3, "min_delta", 50));
    }

    @Test
    void patienceBeginsAnewWithEachLossThatIsLowEnough() {
        EarlyStopping stopping = new EarlyStopping(2, 0.1);
        EvaluationState state = EvaluationState.NONE;
        double[] losses = {3, 2.95, 2.85, 2.8, 2.78, 2.9};
        boolean[] exhausted = new boolean[losses.length];
        for (int i = 0; i < losses.length; i++) {
            state = state.after(i + 1, losses[i], stopping);
            assertThat(EvaluationState.of(state.json())).isEqualTo(state);
            exhausted[i] = state.exhausted(stopping);
        }
        assertThat(exhausted).containsExactly(false, false, false, false, true, true);
        assertThat(state.best()).isEqualTo(2.78);
        assertThat(state.bestStep()).isEqualTo(5);
    }

    @Test
    void otherValidationRowsBelongToAnotherRunWhereTheyDecideItsResult() throws IOException {
        TinyRun run = run().training("keep", "best-and-last");
        run.in(folder.resolve("out"), new StopAfter(3));
        Files.write(validation, Files.readAllLines(training));
        assertThatThrownBy(() -> run.in(folder.resolve("out")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("validation_file_sha256");
    }

    @Test
    void evaluationsThatDecideNothingMayComeMoreOrLessOftenWhenResumed() throws IOException {
        run().training("evaluate_every_steps", 0).in(folder.resolve("whole"));
        run().training("evaluate_every_steps", 0).in(folder.resolve("parts"), new StopAfter(2));
        run().training("evaluate_every_steps", 1).in(folder.resolve("parts"), new StopAfter(4));
        run().training("evaluate_every_steps", 3).in(folder.resolve("parts"));
        assertThat(adapter(folder.resolve("parts"))).isEqualTo(adapter(folder.resolve("whole")));
    }

    private static byte[] adapter(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString())).contains("adapter_config.json");
        }
        return Files.readAllBytes(folder.resolve("adapter_model.safetensors"));
    }
}
