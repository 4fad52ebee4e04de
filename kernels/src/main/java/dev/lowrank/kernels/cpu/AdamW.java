package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.OptimizerShapes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The AdamW update. What all elements share is computed in double; what is one element's own, in fp32. */
final class AdamW {
    private final Team team;

    /** The shared numbers of one update. */
    private record Rates(float decay, float blend1, float blend2, float root, float epsilon, float step) {}

    AdamW(Team team) {
        this.team = team;
    }

    void run(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step) {
        OptimizerShapes.adamW(parameter, gradient, m, v, step);
        Rates rates = new Rates(
                (float) (step.learningRate() * step.weightDecay()),
                (float) (1 - step.beta1()),
                (float) (1 - step.beta2()),
                (float) (1 / Math.sqrt(1 - StrictMath.pow(step.beta2(), step.step()))),
                (float) step.epsilon(),
                (float) (step.learningRate() / (1 - StrictMath.pow(step.beta1(), step.step()))));
        team.elements(
                parameter.size(),
                (from, to) -> run(parameter.data(), gradient.data(), m.data(), v.data(), rates, from, to));
    }

    /**
     * Per element, with {@code m += (1 - beta1) (g - m)} and {@code v += (1 - beta2) (g^2 - v)}:
     * {@code p -= p * lr * decay}, then {@code p -= step * m / (sqrt(v) * root + epsilon)}. Both averages are written as
     * a small correction to the old value, which rounds once where {@code beta * m + (1 - beta) * g} rounds twice.
     */
    private static void run(
            MemorySegment parameter,
            MemorySegment gradient,
            MemorySegment first,
            MemorySegment second,
            Rates r,
            long from,
            long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            FloatVector g = Lanes.load(gradient, i);
            FloatVector m = Lanes.load(first, i);
            FloatVector v = Lanes.load(second, i);
            FloatVector p = Lanes.load(parameter, i);
            m = g.sub(m).fma(Lanes.all(r.blend1), m);
            v = g.mul(g).sub(v).fma(Lanes.all(r.blend2), v);
            FloatVector denominator = v.sqrt().fma(Lanes.all(r.root), Lanes.all(r.epsilon));
            p = p.fma(Lanes.all(-r.decay), p);
            p = m.div(denominator).fma(Lanes.all(-r.step), p);
            Lanes.store(m, first, i);
            Lanes.store(v, second, i);
            Lanes.store(p, parameter, i);
        }
        for (long i = whole; i < to; i++) {
            float g = Lanes.get(gradient, i);
            float m = Lanes.get(first, i);
            float v = Lanes.get(second, i);
            float p = Lanes.get(parameter, i);
            m = Math.fma(g - m, r.blend1, m);
            v = Math.fma(g * g - v, r.blend2, v);
            float denominator = Math.fma((float) Math.sqrt(v), r.root, r.epsilon);
            p = Math.fma(p, -r.decay, p);
            p = Math.fma(m / denominator, -r.step, p);
            Lanes.set(first, i, m);
            Lanes.set(second, i, v);
            Lanes.set(parameter, i, p);
        }
    }
}
