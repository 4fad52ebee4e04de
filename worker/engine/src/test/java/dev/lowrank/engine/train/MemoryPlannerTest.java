package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is planned against what real runs took, to the byte. */
class MemoryPlannerTest {
    private static final int[] LENGTHS = {5, 40, 9, 17, 33, 2, 21};

    @TempDir
    private Path folder;

    private enum Kind {
        LORA(run -> run),
        LORA_ON_SOME(run -> run.withoutDropout()
                .adapter("target_modules", List.of("q_proj", "v_proj"))
                .adapter("layers", List.of(1))),
        DORA(run -> run.adapter("dora", true)),
        PISSA(run -> run.adapter("init", "pissa")),
        BIASES_AND_HEAD(run -> run.adapter("bias", "all").adapter("modules_to_save", List.of("embed_tokens"))),
        QLORA(run -> run.with("method", "qlora")),
        DPO(run -> run.with("method", "dpo")),
        PREFIX(run -> run.with("method", "prefix-tuning").with("adapter", Map.of("virtual_tokens", 4))),
        PROMPT(run -> run.with("method", "prompt-tuning").with("adapter", Map.of("virtual_tokens", 3))),
        IA3(run -> run.with("method", "ia3").with("adapter", Map.of())),
        BOTTLENECK(run -> run.with("method", "bottleneck").with("adapter", Map.of("size", 4))),
        FULL(run -> run.with("method", "full").with("adapter", Map.of())),
        PACKED(run -> run.training("packing", true).training("max_length", 48).training("micro_batch_size", 2)),
        EIGHT_BIT(run -> run.training("optimizer", "adamw8bit").adapter("rank", 32)),
        NOISY(run -> run.training("neftune_alpha", 5.0));

        private final UnaryOperator<TinyRun> change;

        Kind(UnaryOperator<TinyRun> change) {
            this.change = change;
        }
    }

    @BeforeEach
    void writeRows() throws IOException {
        Files.write(
                folder.resolve("rows.jsonl"),
                IntStream.range(0, 14)
                        .mapToObj(i -> row(LENGTHS[i % LENGTHS.length]))
                        .toList());
        Files.write(
                folder.resolve("pairs.jsonl"),
                IntStream.range(0, 14)
                        .mapToObj(i -> "{\"chosen\": %s, \"rejected\": %s}"
                                .formatted(row(LENGTHS[i % 7]), row(1 + LENGTHS[(i + 3) % 7])))
                        .toList());
    }

    private static String row(int length) {
        List<Integer> ids =
                IntStream.range(0, length).map(i -> 3 + i % 90).boxed().toList();
        return "{\"input_ids\": %s, \"labels\": %s}".formatted(ids, ids);
    }

    private TinyRun run(Kind kind, String dtype, String checkpointing) {
        Path rows = folder.resolve(kind == Kind.DPO ? "pairs.jsonl" : "rows.jsonl");
        return kind.change.apply(new TinyRun()
                .with("training_file", rows.toString())
                .with("validation_file", rows.toString())
                .training("epochs", 1)
                .training("dtype", dtype)
                .training("gradient_checkpointing", checkpointing)
                .training("evaluate_every_steps", 100));
    }

    @ParameterizedTest
    @EnumSource
    void everyMethodTakesWhatWasPlannedForIt(Kind kind) {
        for (String dtype : List.of("float32", "bfloat16")) {
            for (String checkpointing : List.of("none", "layer")) {
                assertTakesWhatIsPlanned(
                        run(kind, dtype, checkpointing), folder.resolve(dtype + checkpointing), kind != Kind.PISSA);
            }
        }
    }

    static Stream<Path> families() throws IOException {
        return GoldenData.families();
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("families")
    void everyFamilyTakesWhatWasPlannedForIt(Path family) {
        for (Kind kind : List.of(Kind.LORA, Kind.QLORA, Kind.FULL)) {
            for (String dtype : List.of("float32", "bfloat16")) {
                TinyRun run = run(kind, dtype, "none")
                        .with("base_model", family.resolve("model").toString());
                assertTakesWhatIsPlanned(run, folder.resolve(kind + dtype), true);
            }
        }
    }

    private static void assertTakesWhatIsPlanned(TinyRun tiny, Path folder, boolean exactAdapter) {
        try (Kernels kernels = CpuKernels.open(2);
                TrainingRun run = tiny.open(folder, kernels)) {
            MemoryPlan plan = run.plan().memory();
            assertThat(run.taken().reserved()).isEqualTo(plan.scratch());
            run.train(new RunControl() {});
            run.evaluate();
            TrainingRun.Taken taken = run.taken();
            assertThat(taken.scratch()).as("scratch of %s", folder).isEqualTo(plan.scratch());
            assertThat(taken.reserved()).as("reserved for %s", folder).isEqualTo(plan.scratch());
            assertThat(taken.loaded()).as("base of %s", folder).isEqualTo(plan.loaded());
            assertThat(taken.optimizer()).as("optimizer of %s", folder).isEqualTo(plan.optimizer());
            if (exactAdapter) {
                assertThat(taken.trained()).as("adapter of %s", folder).isEqualTo(plan.trained());
            }
        }
    }

    @Test
    void checkpointingByLayerTakesLess() {
        MemoryPlan plan = plan(run(Kind.LORA, "float32", "none"), Room.ofThisProcess());
        assertThat(plan.checkpointed()).isLessThan(plan.kept());
    }

    @Test
    void secondBaseIsCountedWhereTheFirstOneMoves() {
        MemoryPlan moving = plan(run(Kind.FULL, "float32", "none"), Room.ofThisProcess());
        assertThat(moving.passing()).isGreaterThan(moving.base().bytes() / 2 - 1000);
        assertThat(plan(run(Kind.LORA, "float32", "none"), Room.ofThisProcess()).passing())
                .isZero();
    }

    private MemoryPlan plan(TinyRun run, Room room) {
        return onPlanner(run, room, MemoryPlanner::plan);
    }

    private interface Use<T> {
        T on(MemoryPlanner planner, TrainingSpec spec);
    }

    private static <T> T onPlanner(TinyRun run, Room room, Use<T> use) {
        TrainingSpec spec = SpecJson.read(run.json()).spec();
        try (Kernels kernels = CpuKernels.open(2);
                ModelFolder base = ModelFolder.open(Path.of(spec.baseModel()))) {
            RunData data = RunData.load(spec, base);
            return use.on(
                    new MemoryPlanner(base, data.trainingLengths(), data.validationLengths(), DType.F32, kernels, room),
                    spec);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void whatDoesNotFitIsRefusedWithTheFirstKnobThatIsEnough() {
        TinyRun run = run(Kind.LORA, "float32", "none").training("micro_batch_size", 16);
        MemoryPlan plan = plan(run, new Room(0, Long.MAX_VALUE));
        Room nearly = new Room(0, plan.bytes() - plan.kept() + plan.checkpointed());
        assertThatThrownBy(() -> onPlanner(run, nearly, MemoryPlanner::fitting))
                .isInstanceOfSatisfying(
                        TrainingFailure.class,
                        failure -> assertThat(failure.code()).isEqualTo("out_of_memory"))
                .hasMessage(
                        "The run takes %s of memory, but %s are available; \"training.gradient_checkpointing\": \"layer\" makes it %s."
                                .formatted(
                                        MemoryPlan.readable(plan.bytes()),
                                        MemoryPlan.readable(nearly.available()),
                                        MemoryPlan.readable(nearly.available())));
        TinyRun again = run(Kind.LORA, "float32", "layer").training("micro_batch_size", 16);
        Room less = new Room(0, nearly.available() - 1);
        assertThatThrownBy(() -> onPlanner(again, less, MemoryPlanner::fitting))
                .hasMessageContaining("; \"training.micro_batch_size\": 8 makes it ");
    }

    @Test
    void severalKnobsAreTurnedWhereOneIsNotEnoughAndTheLeastIsToldWhereNoneIs() {
        TinyRun run = run(Kind.LORA, "float32", "none").training("micro_batch_size", 16);
        assertThatThrownBy(() -> onPlanner(run, new Room(0, 1), MemoryPlanner::fitting))
                .hasMessageContaining(
                        "\"training.gradient_checkpointing\": \"layer\", \"training.micro_batch_size\": 1, \"method\": \"qlora\" would make it, still too much, ");
        List<Remedy> remedies = onPlanner(run, new Room(0, 1), MemoryPlanner::remedies);
        assertThat(remedies)
                .extracting(Remedy::settings)
                .containsExactly(
                        "\"training.gradient_checkpointing\": \"layer\"",
                        "\"training.micro_batch_size\": 1",
                        "\"method\": \"qlora\"");
        assertThat(remedies).allMatch(remedy -> !remedy.fits() && remedy.bytes() > 0);
    }

    @Test
    void memoryThatTheSystemDoesNotGiveEndsTheRunBeforeItsFirstStep() {
        TinyRun run = run(Kind.LORA, "float32", "none");
        long scratch = plan(run, Room.ofThisProcess()).scratch();
        try (CpuKernels kernels = CpuKernels.open(2)) {
            assertThatThrownBy(() -> run.open(folder.resolve("run"), ScarceKernels.of(kernels, scratch - 1)))
                    .isInstanceOfSatisfying(
                            TrainingFailure.class,
                            failure -> assertThat(failure.code()).isEqualTo("out_of_memory"))
                    .hasMessageContaining(
                            "of memory, which the system does not give; \"training.gradient_checkpointing\": \"layer\" makes it ");
            run.open(folder.resolve("run"), ScarceKernels.of(kernels, scratch)).close();
        }
        assertThat(folder.resolve("run/metrics.jsonl")).doesNotExist();
    }
}
