package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.OptimizerKind;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.AdamW8State;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * AdamW over the trainable parameters, with clipping by the norm of all gradients together. Its running averages are
 * fp32, or 8 bits an element for the parameters large enough for it.
 */
final class Optimizer implements AutoCloseable {
    /** What is kept of a parameter's past gradients. */
    private sealed interface Averages {
        void put(String name, Map<String, Tensor> tensors);
    }

    /** First and second moment, of the parameter's shape. */
    private record Whole(Tensor m, Tensor v) implements Averages {
        @Override
        public void put(String name, Map<String, Tensor> tensors) {
            tensors.put("adamw.m." + name, m);
            tensors.put("adamw.v." + name, v);
        }
    }

    private record Coded(AdamW8State state) implements Averages {
        @Override
        public void put(String name, Map<String, Tensor> tensors) {
            tensors.put("adamw8bit.m." + name, state.m());
            tensors.put("adamw8bit.m_scale." + name, state.mScale());
            tensors.put("adamw8bit.v." + name, state.v());
            tensors.put("adamw8bit.v_scale." + name, state.vScale());
        }
    }

    private record Moved(Parameter parameter, Tensor gradient, Averages averages) {}

    private final Kernels kernels;
    private final TrainingSettings settings;
    private final Workspace memory;
    private final List<Moved> moved = new ArrayList<>();

    /**
     * Starts with averages of zero.
     *
     * @param folder where the averages may be paged out to, if the settings say so; they are used but once a step
     * @throws java.io.UncheckedIOException if the folder's disk has no room for them
     */
    Optimizer(List<Parameter> parameters, TrainingSettings settings, Kernels kernels, Path folder) {
        this.kernels = kernels;
        this.settings = settings;
        this.memory = settings.paged() ? kernels.pagedWorkspace(folder) : kernels.workspace();
        try {
            for (Parameter parameter : parameters) {
                Tensor gradient = Objects.requireNonNull(parameter.gradient());
                moved.add(new Moved(parameter, gradient, averages(parameter.value())));
            }
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    private Averages averages(Tensor value) {
        if (isCoded(settings.optimizer(), value.size())) {
            return new Coded(AdamW8State.zero(kernels, memory, value.size()));
        }
        Whole whole = new Whole(memory.take(value.shape()), memory.take(value.shape()));
        kernels.zero(whole.m());
        kernels.zero(whole.v());
        return whole;
    }

    private static boolean isCoded(OptimizerKind kind, long size) {
        return kind == OptimizerKind.ADAMW_8BIT && size >= AdamW8State.SMALLEST;
    }

    void zeroGradients() {
        for (Moved one : moved) {
            kernels.zero(one.gradient());
        }
    }

    /** The Euclidean norm of all gradients; scales them down to {@code max_grad_norm} where they exceed it. */
    double clip() {
        double squares = 0;
        for (Moved one : moved) {
            squares += kernels.sumOfSquares(one.gradient());
        }
        double norm = Math.sqrt(squares);
        if (settings.maxGradNorm() > 0) {
            double factor = settings.maxGradNorm() / (norm + 1e-6);
            if (factor < 1) {
                for (Moved one : moved) {
                    kernels.scale(one.gradient(), (float) factor);
                }
            }
        }
        return norm;
    }

    /** @param step 1 for the first */
    void update(int step, double learningRate) {
        AdamWStep adamW = new AdamWStep(
                step, learningRate, settings.beta1(), settings.beta2(), settings.epsilon(), settings.weightDecay());
        for (Moved one : moved) {
            Tensor value = one.parameter().value();
            switch (one.averages()) {
                case Whole(Tensor m, Tensor v) -> kernels.adamW(value, one.gradient(), m, v, adamW);
                case Coded(AdamW8State state) -> kernels.adamW8bit(value, one.gradient(), state, adamW);
            }
        }
    }

    /** Everything a checkpoint must hold, by name: each parameter and its averages. */
    Map<String, Tensor> state() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Moved one : moved) {
            tensors.put(one.parameter().name(), one.parameter().value());
            one.averages().put(one.parameter().name(), tensors);
        }
        return tensors;
    }

    long trainableParameters() {
        return moved.stream().mapToLong(one -> one.parameter().value().size()).sum();
    }

    /** What the averages take, in memory or paged out. */
    long bytes() {
        return memory.peak();
    }

    @Override
    public void close() {
        memory.close();
    }
}
