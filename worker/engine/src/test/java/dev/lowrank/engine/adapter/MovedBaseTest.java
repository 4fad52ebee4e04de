package dev.lowrank.engine.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.AdapterInit;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.Targets;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MovedBaseTest {
    private static final Path MODEL = Path.of("src/test/resources/fixtures/llama-tiny/model");

    private final Kernels kernels = CpuKernels.open(2);
    private final Workspace memory = kernels.workspace();

    @TempDir
    private Path folder;

    @AfterEach
    void close() {
        memory.close();
        kernels.close();
    }

    @ParameterizedTest
    @EnumSource(names = {"PISSA", "OLORA"})
    void newAdapterChangesNothingAndTakenOffLeavesTheBaseBitForBit(AdapterInit init) {
        try (ModelFolder base = ModelFolder.open(MODEL);
                Transformer model = Transformer.load(base, Precision.FROZEN, kernels)) {
            float[] before = logits(model);
            Adapter adapter = create(model, init, 3);
            adapter.attach();
            assertThat(largest(logits(model), before)).isLessThan(1e-4);
            adapter.parameters().forEach(parameter -> kernels.scale(parameter.value(), 0));
            assertThat(largest(logits(model), before)).isGreaterThan(0.01);
            adapter.detach();
            assertThat(logits(model)).isEqualTo(before);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"PISSA", "OLORA"})
    void writtenAdapterIsAPlainOneOfTwiceTheRankThatComputesTheSame(AdapterInit init) {
        try (ModelFolder base = ModelFolder.open(MODEL);
                Transformer model = Transformer.load(base, Precision.FROZEN, kernels)) {
            Adapter adapter = create(model, init, 3);
            adapter.attach();
            adapter.parameters().forEach(parameter -> kernels.scale(parameter.value(), 1.1f));
            float[] trained = logits(model);
            adapter.write(folder);
            adapter.detach();
            try (PeftFolder written = PeftFolder.open(folder)) {
                assertThat(written.shapeA("model.layers.0.self_attn.q_proj")[0]).isEqualTo(6);
                assertThat(folder.resolve("adapter_config.json"))
                        .content()
                        .contains("\"r\": 6", "\"lora_alpha\": 12", "\"init_lora_weights\": true");
                Adapters.open(written, model, false, kernels, memory).attach();
                assertThat(largest(logits(model), trained)).isLessThan(1e-4);
            }
        }
    }

    @Test
    void moreDirectionsThanAWeightHasAreRefused() {
        try (ModelFolder base = ModelFolder.open(MODEL);
                Transformer model = Transformer.load(base, Precision.FROZEN, kernels)) {
            assertThatThrownBy(() -> create(model, AdapterInit.PISSA, 1000))
                    .isInstanceOf(SpecException.class)
                    .hasMessageContaining("lower it");
        }
        try (ModelFolder base = ModelFolder.open(MODEL);
                Transformer model = Transformer.load(base, Precision.nf4(true), kernels)) {
            assertThatThrownBy(() -> create(model, AdapterInit.OLORA, 3))
                    .isInstanceOf(SpecException.class)
                    .hasMessageContaining("4 bits");
        }
    }

    /** A falling spectrum, as weights have: the rounds find what the whole decomposition finds, but for signs. */
    @Test
    void roundsFindTheLeadingTriplesOfALargeMatrix() {
        Tensor weight = fallingSpectrum(70, 50);
        WeightFactors exact = WeightFactors.pissa(weight, 4, 0.5, true, 1, kernels, memory);
        WeightFactors rounds = WeightFactors.pissa(weight, 4, 0.5, false, 1, kernels, memory);
        assertThat(WeightFactors.pissa(weight, 4, 0.5, false, 1, kernels, memory)
                        .a())
                .isEqualTo(rounds.a());
        for (int i = 0; i < 4; i++) {
            double dot = 0;
            double square = 0;
            for (int c = 0; c < 50; c++) {
                dot += (double) exact.a()[i * 50 + c] * rounds.a()[i * 50 + c];
                square += Math.pow(exact.a()[i * 50 + c], 2);
            }
            assertThat(Math.abs(dot) / square).isCloseTo(1, within(1e-4));
        }
        assertThat(largest(product(exact, 70, 50), product(rounds, 70, 50))).isLessThan(1e-3);
    }

    private Tensor fallingSpectrum(int out, int in) {
        float[] values = new float[out * in];
        for (int k = 0; k < 20; k++) {
            for (int r = 0; r < out; r++) {
                for (int c = 0; c < in; c++) {
                    values[r * in + c] +=
                            (float) (Math.pow(0.7, k) * CounterRandom.normal(k, r) * CounterRandom.normal(100 + k, c));
                }
            }
        }
        Tensor weight = memory.take(out, in);
        kernels.upload(values, 0, weight);
        return weight;
    }

    private static float[] product(WeightFactors factors, int out, int in) {
        int rank = factors.a().length / in;
        float[] product = new float[out * in];
        for (int i = 0; i < product.length; i++) {
            for (int k = 0; k < rank; k++) {
                product[i] += factors.b()[i / in * rank + k] * factors.a()[k * in + i % in];
            }
        }
        return product;
    }

    private Adapter create(Transformer model, AdapterInit init, int rank) {
        LoraSpec spec = LoraSpec.plain(rank, 6, 0, new Targets(List.of("q_proj", "down_proj")), init);
        return Adapters.create(spec, model, "tiny", 4, kernels, memory);
    }

    private float[] logits(Transformer model) {
        try (Workspace scratch = kernels.workspace()) {
            Tape tape = Tape.forwardOnly(kernels, scratch);
            TokenBatch batch = TokenBatch.of(List.of(new int[] {5, 9, 3, 7}, new int[] {1, 2}));
            Tensor logits = model.logits(tape, model.hidden(tape, batch), 0);
            float[] values = new float[Math.toIntExact(logits.size())];
            kernels.download(logits, values, 0);
            return values;
        }
    }

    private static double largest(float[] a, float[] b) {
        double largest = 0;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs((double) a[i] - b[i]));
        }
        return largest;
    }
}
