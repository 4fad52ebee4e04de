package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Sha256;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Runs that must be equal: to fp32 accuracy however the rows of a step are cut into micro-batches or put into packs, and
 * bit for bit however often a run is stopped. On the fixture, and on every family of the conformance data.
 */
class EqualRunsTest {
    /** Three rows of these lengths fill a pack, so that packs hold the same rows as micro-batches of three. */
    private static final int[] LENGTHS = {9, 14, 17};

    private static final int PACK = 40;
    private static final int ROWS = 24;

    @TempDir
    private Path folder;

    private Path rows;
    private Path pairs;

    /** Every way to train that keeps something from one step to the next, or draws something within one. */
    private enum Kind {
        LORA(run -> run),
        QLORA(run -> run.with("method", "qlora")),
        DPO(run -> run.with("method", "dpo")),
        PREFIX(run -> run.with("method", "prefix-tuning").with("adapter", Map.of("virtual_tokens", 3))),
        PROMPT(run -> run.with("method", "prompt-tuning").with("adapter", Map.of("virtual_tokens", 3))),
        IA3(run -> run.with("method", "ia3").with("adapter", Map.of())),
        BOTTLENECK(run -> run.with("method", "bottleneck").with("adapter", Map.of("size", 4))),
        FULL(run -> run.with("method", "full").with("adapter", Map.of())),
        LORA_IN_BF16(run -> run.training("dtype", "bfloat16")),
        QLORA_IN_BF16(run -> run.with("method", "qlora").training("dtype", "bfloat16")),
        DPO_IN_BF16(run -> run.with("method", "dpo").training("dtype", "bfloat16")),
        FULL_IN_BF16(run -> run.with("method", "full").with("adapter", Map.of()).training("dtype", "bfloat16")),
        PACKED(run -> run.training("packing", true).training("max_length", PACK).training("micro_batch_size", 1)),
        EVALUATED(run -> run.training("evaluate_every_steps", 2)
                .training("early_stopping", Map.of("patience", 40))
                .training("keep", "best-and-last"));

        private final UnaryOperator<TinyRun> change;

        Kind(UnaryOperator<TinyRun> change) {
            this.change = change;
        }

        boolean pairs() {
            return this == DPO || this == DPO_IN_BF16;
        }
    }

    @BeforeEach
    void writeRows() throws IOException {
        List<String> examples = IntStream.range(0, ROWS)
                .mapToObj(i -> row(i, LENGTHS[i % LENGTHS.length]))
                .toList();
        rows = Files.write(folder.resolve("rows.jsonl"), examples);
        pairs = Files.write(
                folder.resolve("pairs.jsonl"),
                IntStream.range(0, ROWS)
                        .mapToObj(i -> "{\"chosen\": %s, \"rejected\": %s}"
                                .formatted(row(i, LENGTHS[i % 3]), row(i + ROWS, LENGTHS[(i + 1) % 3])))
                        .toList());
    }

    /** The first third of the tokens is a prompt. */
    private static String row(int number, int length) {
        int[] ids = IntStream.range(0, length)
                .map(i -> 3 + (31 * number + 17 * i + i * i * number) % 90)
                .toArray();
        int[] labels = IntStream.range(0, length)
                .map(i -> i < length / 3 ? Kernels.IGNORED : ids[i])
                .toArray();
        return "{\"input_ids\": %s, \"labels\": %s}".formatted(Arrays.toString(ids), Arrays.toString(labels));
    }

    private TinyRun run(Kind kind) {
        TinyRun run = new TinyRun()
                .with("training_file", (kind.pairs() ? pairs : rows).toString())
                .with("validation_file", (kind.pairs() ? pairs : rows).toString())
                .training("micro_batch_size", 3)
                .training("epochs", 2);
        return kind.change.apply(run);
    }

    @ParameterizedTest
    @EnumSource
    void resumedRunEndsWithTheBytesOfAnUninterruptedOne(Kind kind) throws IOException {
        Path whole = folder.resolve("whole");
        Path parts = folder.resolve("parts");
        run(kind).in(whole);
        assertThat(run(kind).in(parts, new StopAfter(1))).isEqualTo(Ending.STOPPED);
        assertThat(run(kind).in(parts, new StopAfter(4))).isEqualTo(Ending.STOPPED);
        assertThat(run(kind).in(parts)).isEqualTo(Ending.FINISHED);
        assertThat(bytes(parts)).isEqualTo(bytes(whole));
        assertThat(figures(parts)).isEqualTo(figures(whole));
    }

    @ParameterizedTest
    @EnumSource
    void oneSeedGivesOneResultAndAnotherSeedAnother(Kind kind) throws IOException {
        run(kind).in(folder.resolve("a"));
        run(kind).in(folder.resolve("b"));
        run(kind).training("seed", 12).in(folder.resolve("c"));
        assertThat(bytes(folder.resolve("b"))).isEqualTo(bytes(folder.resolve("a")));
        assertThat(figures(folder.resolve("b"))).isEqualTo(figures(folder.resolve("a")));
        assertThat(figures(folder.resolve("c"))).isNotEqualTo(figures(folder.resolve("a")));
    }

    @ParameterizedTest
    @EnumSource(names = {"LORA", "QLORA", "DPO", "PREFIX", "IA3", "BOTTLENECK", "FULL"})
    void accumulationIsTheSameAsALargerBatch(Kind kind) {
        List<StepMetrics> whole = steps(plain(run(kind)), 8, 1);
        assertThat(whole).hasSize(6);
        assertEqualSteps(steps(plain(run(kind)), 4, 2), whole);
        assertEqualSteps(steps(plain(run(kind)), 2, 4), whole);
        assertEqualSteps(steps(plain(run(kind)), 1, 8), whole);
    }

    @ParameterizedTest
    @EnumSource(names = {"LORA", "QLORA", "IA3", "BOTTLENECK", "FULL"})
    void packedIsTheSameAsUnpacked(Kind kind) {
        assertEqualSteps(packed(plain(run(kind))), steps(plain(run(kind)), 3, 2));
    }

    static Stream<Path> families() throws IOException {
        return GoldenData.families();
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("families")
    void theSameHoldsForEveryFamily(Path family) {
        UnaryOperator<TinyRun> change = run ->
                plain(run.with("base_model", family.resolve("model").toString()).training("epochs", 1));
        List<StepMetrics> whole = steps(change.apply(run(Kind.LORA)), 6, 1);
        assertThat(whole).hasSize(4);
        assertEqualSteps(steps(change.apply(run(Kind.LORA)), 3, 2), whole);
        assertEqualSteps(steps(change.apply(run(Kind.LORA)), 1, 6), whole);
        assertEqualSteps(packed(change.apply(run(Kind.LORA))), whole);
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("models")
    void everyTokenOfARowHasTheSameLossAloneAndAmongOthers(Path base) throws IOException {
        try (Kernels kernels = CpuKernels.open(2);
                ModelFolder folder = ModelFolder.open(base);
                Transformer model = Transformer.load(folder, Precision.FROZEN, kernels)) {
            List<int[]> examples = Files.readAllLines(rows).stream()
                    .limit(LENGTHS.length)
                    .map(line -> JsonMapper.shared().readTree(line).get("input_ids").values().stream()
                            .mapToInt(JsonNode::asInt)
                            .toArray())
                    .toList();
            float[] together = losses(model, examples, kernels);
            int at = 0;
            for (int[] example : examples) {
                float[] alone = losses(model, List.of(example), kernels);
                assertThat(Arrays.copyOfRange(together, at, at + alone.length)).containsExactly(alone, within(1e-5f));
                at += alone.length;
            }
        }
    }

    static Stream<Path> models() throws IOException {
        return Stream.concat(
                Stream.of(TinyRun.FIXTURE.resolve("model")),
                GoldenData.families().map(family -> family.resolve("model")));
    }

    private static float[] losses(Transformer model, List<int[]> examples, Kernels kernels) {
        try (Workspace scratch = kernels.workspace()) {
            Tape tape = Tape.forwardOnly(kernels, scratch);
            int count = examples.stream().mapToInt(ids -> ids.length).sum();
            int[] next = examples.stream()
                    .flatMapToInt(ids ->
                            IntStream.range(0, ids.length).map(i -> i + 1 < ids.length ? ids[i + 1] : Kernels.IGNORED))
                    .toArray();
            Tensor labels = scratch.take(DType.I32, count);
            kernels.upload(next, labels);
            Tensor losses = scratch.take(count);
            model.loss(tape, model.hidden(tape, TokenBatch.of(examples)), labels, 1, null, losses);
            float[] values = new float[count];
            kernels.download(losses, values, 0);
            return values;
        }
    }

    /** Rows in the order of the file and nothing dropped, which would differ with the place in a micro-batch. */
    private static TinyRun plain(TinyRun run) {
        return run.withoutDropout().training("shuffle", false).training("learning_rate", 0.002);
    }

    private List<StepMetrics> packed(TinyRun run) {
        return steps(run.training("packing", true).training("max_length", PACK), 1, 2);
    }

    private List<StepMetrics> steps(TinyRun run, int microBatch, int accumulation) {
        List<StepMetrics> steps = new ArrayList<>();
        run.training("micro_batch_size", microBatch)
                .training("gradient_accumulation", accumulation)
                .in(folder.resolve("run-" + folder.toFile().list().length), new RunControl() {
                    @Override
                    public void stepped(StepMetrics metrics) {
                        steps.add(metrics);
                    }
                });
        return steps;
    }

    private static void assertEqualSteps(List<StepMetrics> some, List<StepMetrics> others) {
        assertThat(some).hasSameSizeAs(others);
        for (int s = 0; s < some.size(); s++) {
            StepMetrics ours = some.get(s);
            StepMetrics theirs = others.get(s);
            assertThat(ours.trainedTokens()).isEqualTo(theirs.trainedTokens());
            assertThat(ours.loss()).as("step " + s).isCloseTo(theirs.loss(), within(1e-5 * theirs.loss()));
            assertThat(ours.gradNorm()).as("step " + s).isCloseTo(theirs.gradNorm(), within(1e-4 * theirs.gradNorm()));
        }
    }

    /** The result, and the optimizer's state at the end. */
    private static Map<String, String> bytes(Path run) throws IOException {
        Map<String, String> digests = new TreeMap<>();
        try (Stream<Path> files = Files.walk(run)) {
            List<Path> tensors = files.filter(file -> file.toString().endsWith(".safetensors"))
                    .toList();
            String newest = tensors.stream()
                    .map(file -> run.relativize(file).toString())
                    .filter(name -> name.startsWith("checkpoints/step-"))
                    .max(String::compareTo)
                    .orElseThrow();
            for (Path file : tensors) {
                String name = run.relativize(file).toString();
                if (!name.startsWith("checkpoints/step-") || name.equals(newest)) {
                    digests.put(name, Sha256.of(file));
                }
            }
        }
        assertThat(digests).hasSizeGreaterThan(1);
        return digests;
    }

    /** What was measured at each step, but for the time it took. */
    private static List<ObjectNode> figures(Path run) throws IOException {
        return Files.readAllLines(run.resolve("metrics.jsonl")).stream()
                .map(line -> (ObjectNode) JsonMapper.shared().readTree(line))
                .map(line -> line.without("tokens_per_second"))
                .toList();
    }
}
