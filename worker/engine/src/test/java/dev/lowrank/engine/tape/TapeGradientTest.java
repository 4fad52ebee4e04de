package dev.lowrank.engine.tape;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.adapter.Adapter;
import dev.lowrank.engine.adapter.Adapters;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.Activation;
import dev.lowrank.engine.spec.AdapterInit;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.BottleneckSpec;
import dev.lowrank.engine.spec.Ia3Spec;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.Placement;
import dev.lowrank.engine.spec.PrefixSpec;
import dev.lowrank.engine.spec.PromptInit;
import dev.lowrank.engine.spec.PromptSpec;
import dev.lowrank.engine.spec.Targets;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The gradients of a whole model, with and without an adapter, against central differences of its loss along random
 * directions: the error of fp32 sums is far below the tolerance, a wrong term is far above it.
 */
class TapeGradientTest {
    private static final Path MODEL = Path.of("src/test/resources/fixtures/llama-tiny/model");
    private static final List<int[]> ROWS = List.of(new int[] {5, 17, 3, 44, 90, 8, 21}, new int[] {61, 2, 33});
    private static final int[] LABELS = {Kernels.IGNORED, 3, 44, 90, 8, 21, Kernels.IGNORED, 2, 33, Kernels.IGNORED};
    private static final long DROPOUT_KEY = 99;

    private final Kernels kernels = CpuKernels.open(2);
    private final Workspace scratch = kernels.workspace();

    @Test
    void everyWeightOfTheModelHasTheRightGradient() {
        try (ModelFolder folder = ModelFolder.open(MODEL);
                Transformer model = Transformer.load(folder, Precision.TRAINABLE, kernels)) {
            backward(model);
            for (Parameter parameter : model.parameters().values()) {
                assertGradientFits(model, parameter);
            }
        }
    }

    static Stream<AdapterSpec> kinds() {
        LoraSpec lora = LoraSpec.plain(3, 6, 0.3, Targets.ALL_LINEAR, AdapterInit.GAUSSIAN);
        return Stream.of(
                lora,
                new Ia3Spec(null, null),
                new PrefixSpec(4),
                new PromptSpec(3, PromptInit.RANDOM, null),
                new BottleneckSpec(5, Activation.GELU, Placement.HOULSBY));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void everyTensorOfEveryKindOfAdapterHasTheRightGradient(AdapterSpec spec) {
        try (ModelFolder folder = ModelFolder.open(MODEL);
                Transformer model = Transformer.load(folder, Precision.FROZEN, kernels);
                Workspace memory = kernels.workspace()) {
            Adapter adapter = Adapters.create(spec, model, "tiny", 3, kernels, memory);
            adapter.attach();
            for (Parameter parameter : adapter.parameters()) {
                fill(parameter.value(), CounterRandom.key(1, parameter.name()), 0.2);
                kernels.zero(Objects.requireNonNull(parameter.gradient()));
            }
            backward(model);
            for (Parameter parameter : adapter.parameters()) {
                assertGradientFits(model, parameter);
            }
            List<float[]> kept =
                    adapter.parameters().stream().map(p -> values(gradient(p))).toList();
            adapter.parameters().forEach(p -> kernels.zero(gradient(p)));
            model.checkpointing(true);
            backward(model);
            for (int i = 0; i < kept.size(); i++) {
                assertThat(values(gradient(adapter.parameters().get(i))))
                        .as("checkpointed, bit for bit")
                        .isEqualTo(kept.get(i));
            }
        }
    }

    private static Tensor gradient(Parameter parameter) {
        return Objects.requireNonNull(parameter.gradient());
    }

    private void assertGradientFits(Transformer model, Parameter parameter) {
        Tensor value = parameter.value();
        float[] before = values(value);
        float[] gradient = values(Objects.requireNonNull(parameter.gradient()));
        double norm = 0;
        double predicted = 0;
        float[] direction = new float[before.length];
        for (int i = 0; i < before.length; i++) {
            // Half along the gradient, half at random: along the gradient alone a wrong scale of noise could hide.
            direction[i] = (float) (gradient[i] + 0.5 * rms(gradient) * CounterRandom.normal(7, i));
            norm += direction[i] * (double) direction[i];
        }
        norm = Math.sqrt(norm);
        double h = 2e-2;
        for (int i = 0; i < before.length; i++) {
            direction[i] /= (float) norm;
            predicted += direction[i] * (double) gradient[i];
        }
        double measured =
                (lossAt(model, value, before, direction, h) - lossAt(model, value, before, direction, -h)) / (2 * h);
        kernels.upload(before, 0, value);
        assertThat(measured)
                .as(parameter.name())
                .isCloseTo(predicted, org.assertj.core.data.Percentage.withPercentage(1.5));
    }

    private double lossAt(Transformer model, Tensor value, float[] from, float[] direction, double step) {
        float[] moved = new float[from.length];
        for (int i = 0; i < from.length; i++) {
            moved[i] = (float) (from[i] + step * direction[i]);
        }
        kernels.upload(moved, 0, value);
        return forward(model, Tape.recording(kernels, scratch, DROPOUT_KEY));
    }

    private void backward(Transformer model) {
        model.parameters().values().stream()
                .filter(Parameter::trainable)
                .forEach(p -> kernels.zero(Objects.requireNonNull(p.gradient())));
        Tape tape = Tape.recording(kernels, scratch, DROPOUT_KEY);
        forward(model, tape);
        tape.backward();
    }

    private double forward(Transformer model, Tape tape) {
        Value hidden = model.hidden(tape, TokenBatch.of(ROWS));
        Tensor labels = scratch.take(DType.I32, LABELS.length);
        kernels.upload(LABELS, labels);
        // The loss operation also writes gradients of trainable heads; only the first call's are compared.
        float[] kept = headGradient(model);
        double loss = model.loss(tape, hidden, labels, 1).loss();
        if (!tapeIsFirst) {
            restoreHead(model, kept);
        }
        tapeIsFirst = false;
        return loss;
    }

    private boolean tapeIsFirst = true;

    private float[] headGradient(Transformer model) {
        Parameter head = Objects.requireNonNull(model.parameters().get("model.embed_tokens.weight"));
        return head.trainable() ? values(Objects.requireNonNull(head.gradient())) : new float[0];
    }

    private void restoreHead(Transformer model, float[] kept) {
        Parameter head = Objects.requireNonNull(model.parameters().get("model.embed_tokens.weight"));
        if (head.trainable()) {
            kernels.upload(kept, 0, Objects.requireNonNull(head.gradient()));
        }
    }

    private void fill(Tensor tensor, long key, double deviation) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (deviation * CounterRandom.normal(key, i));
        }
        kernels.upload(values, 0, tensor);
    }

    private float[] values(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }

    private static double rms(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value * (double) value;
        }
        return Math.sqrt(sum / values.length);
    }
}
