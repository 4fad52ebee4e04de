package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.AdamW8State;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.Tensor;

/** The AdamW updates. What all elements share is computed here, in double, and rounded once. */
final class Optimizers {
    private final Device device;
    private final DynamicMaps maps;

    Optimizers(Device device, DynamicMaps maps) {
        this.device = device;
        this.maps = maps;
    }

    void adamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step) {
        device.launch("adamW")
                .at(parameter)
                .at(gradient)
                .at(m)
                .at(v)
                .with((float) (step.learningRate() * step.weightDecay()))
                .with((float) (1 - step.beta1()))
                .with((float) (1 - step.beta2()))
                .with((float) (1 / Math.sqrt(correction(step.beta2(), step))))
                .with((float) step.epsilon())
                .with((float) (step.learningRate() / correction(step.beta1(), step)))
                .with(parameter.size())
                .overElements(parameter.size());
    }

    void adamW8(Tensor parameter, Tensor gradient, AdamW8State state, AdamWStep step) {
        double root = Math.sqrt(correction(step.beta2(), step));
        Launch launch = device.launch("adamW8")
                .at(parameter)
                .at(gradient)
                .at(state.m())
                .at(state.mScale())
                .at(state.v())
                .at(state.vScale());
        maps.with(launch)
                .with((float) step.beta1())
                .with((float) step.beta2())
                .with((float) (step.epsilon() * root))
                .with((float) (step.learningRate() * root / correction(step.beta1(), step)))
                .with((float) (1 - step.learningRate() * step.weightDecay()))
                .with(parameter.size())
                .overRows(Math.toIntExact(Math.ceilDiv(parameter.size(), (long) AdamW8State.BLOCK)), AdamW8State.BLOCK);
    }

    private static double correction(double beta, AdamWStep step) {
        return 1 - StrictMath.pow(beta, step.step());
    }
}
