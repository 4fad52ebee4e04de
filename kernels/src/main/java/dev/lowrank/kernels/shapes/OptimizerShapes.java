package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.AdamW8State;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.Tensor;
import java.util.List;

/** The checks of updates. */
public final class OptimizerShapes {
    private OptimizerShapes() {}

    /** F32 of equal sizes; the step at least 1. */
    public static void adamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step) {
        Shapes.floats("adamW parameter", parameter);
        long size = parameter.size();
        Shapes.floats("adamW gradient", gradient, size);
        Shapes.floats("adamW m", m, size);
        Shapes.floats("adamW v", v, size);
        counted("adamW", step);
    }

    /** parameter, gradient F32, with as many elements as the state; the step at least 1. */
    public static void adamW8bit(Tensor parameter, Tensor gradient, AdamW8State state, AdamWStep step) {
        Shapes.floats("adamW8bit parameter", parameter);
        long size = parameter.size();
        Shapes.floats("adamW8bit gradient", gradient, size);
        for (Tensor part : List.of(state.m(), state.mScale(), state.v(), state.vScale())) {
            Shapes.usable("adamW8bit state", part);
        }
        Shapes.require(
                state.size() == size,
                () -> "adamW8bit state is of %d elements, but the parameter is %s.".formatted(state.size(), parameter));
        counted("adamW8bit", step);
    }

    private static void counted(String op, AdamWStep step) {
        Shapes.require(step.step() >= 1, () -> "%s step counts from 1, but is %d.".formatted(op, step.step()));
    }
}
