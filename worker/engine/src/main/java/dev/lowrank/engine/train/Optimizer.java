package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** AdamW over the trainable parameters, with clipping by the norm of all gradients together. */
final class Optimizer {
    /** First and second moment, of the parameter's shape. */
    private record Moments(Parameter parameter, Tensor gradient, Tensor m, Tensor v) {}

    private final Kernels kernels;
    private final TrainingSettings settings;
    private final List<Moments> moments = new ArrayList<>();

    Optimizer(List<Parameter> parameters, TrainingSettings settings, Kernels kernels, Workspace memory) {
        this.kernels = kernels;
        this.settings = settings;
        for (Parameter parameter : parameters) {
            long[] shape = parameter.value().shape();
            Moments state = new Moments(
                    parameter, Objects.requireNonNull(parameter.gradient()), memory.take(shape), memory.take(shape));
            kernels.zero(state.m());
            kernels.zero(state.v());
            moments.add(state);
        }
    }

    void zeroGradients() {
        for (Moments state : moments) {
            kernels.zero(state.gradient());
        }
    }

    /** The Euclidean norm of all gradients; scales them down to {@code max_grad_norm} where they exceed it. */
    double clip() {
        double squares = 0;
        for (Moments state : moments) {
            squares += kernels.sumOfSquares(state.gradient());
        }
        double norm = Math.sqrt(squares);
        if (settings.maxGradNorm() > 0) {
            double factor = settings.maxGradNorm() / (norm + 1e-6);
            if (factor < 1) {
                for (Moments state : moments) {
                    kernels.scale(state.gradient(), (float) factor);
                }
            }
        }
        return norm;
    }

    /** @param step 1 for the first */
    void update(int step, double learningRate) {
        AdamWStep adamW = new AdamWStep(
                step, learningRate, settings.beta1(), settings.beta2(), settings.epsilon(), settings.weightDecay());
        for (Moments state : moments) {
            kernels.adamW(state.parameter().value(), state.gradient(), state.m(), state.v(), adamW);
        }
    }

    /** Everything a checkpoint must hold, by name: each parameter and its two moments. */
    Map<String, Tensor> state() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Moments state : moments) {
            tensors.put(state.parameter().name(), state.parameter().value());
            tensors.put("adamw.m." + state.parameter().name(), state.m());
            tensors.put("adamw.v." + state.parameter().name(), state.v());
        }
        return tensors;
    }

    long trainableParameters() {
        return moments.stream().mapToLong(state -> state.m().size()).sum();
    }
}
