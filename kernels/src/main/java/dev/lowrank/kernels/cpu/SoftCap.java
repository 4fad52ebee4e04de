package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.ElementwiseShapes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Capping of scores and logits, {@code y = cap * tanh(x / cap)}, as a pass over part of a tensor. Its derivative is
 * {@code 1 - tanh(x / cap)^2 = 1 - (y / cap)^2}: the capped value is all that a backward pass needs.
 */
final class SoftCap {
    private SoftCap() {}

    static void run(Team team, Tensor x, float cap) {
        ElementwiseShapes.softCap(x, cap);
        team.elements(x.size(), (part, from, to) -> {
            Stretch data = Stretch.of(team, part, Stretch.BLOCK, x)[0];
            Stretch.blocks(from, to, (at, n) -> {
                long place = data.read(at, n);
                cap(data.memory(), cap, place, place + n);
                data.write(at, n);
            });
        });
    }

    static void cap(MemorySegment data, float cap, long from, long to) {
        float inverse = 1 / cap;
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            Lanes.store(Tanh.tanh(Lanes.load(data, i).mul(inverse)).mul(cap), data, i);
        }
        for (long i = whole; i < to; i++) {
            Lanes.set(data, i, Tanh.tanh(Lanes.get(data, i) * inverse) * cap);
        }
    }

    static float cap(float x, float cap) {
        return Tanh.tanh(x * (1 / cap)) * cap;
    }

    /** {@code dy/dx} from y. */
    static FloatVector slope(FloatVector capped, float inverseCap) {
        FloatVector t = capped.mul(inverseCap);
        return t.neg().fma(t, Lanes.all(1));
    }

    /** {@code dy/dx} from y. */
    static float slope(float capped, float inverseCap) {
        float t = capped * inverseCap;
        return Math.fma(-t, t, 1);
    }
}
