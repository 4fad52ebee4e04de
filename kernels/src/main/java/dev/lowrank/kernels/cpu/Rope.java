package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.AttentionShapes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Rotary position embedding. */
final class Rope {
    private final Team team;
    private final CodedRope[] coded;

    Rope(Team team) {
        this.team = team;
        this.coded = new CodedRope[team.size()];
        Arrays.setAll(coded, part -> new CodedRope());
    }

    /**
     * Derivation: a pair is multiplied by the matrix {@code [[cos, -sin], [sin, cos]]}, so its gradient is multiplied by
     * the transpose: the same with the sine negated. That holds whether or not the matrix is a pure turn.
     */
    void run(Tensor x, int heads, Tensor positions, Tensor cos, Tensor sin, boolean transposed) {
        AttentionShapes.rope(x, heads, positions, cos, sin, Lanes.ints(positions));
        int rows = x.rows();
        int columns = x.columns();
        int width = columns / heads;
        int half = cos.columns();
        float sign = transposed ? -1 : 1;
        if (CodedRope.takes(x, half)) {
            team.rows(rows, columns, (part, from, to) -> {
                coded[part].run(x, heads, positions, cos, sin, sign, from, to);
            });
            return;
        }
        boolean direct = x.dtype() == DType.BF16 && half == Lanes.whole(half);
        team.rows(rows, columns, (part, from, to) -> {
            Stretch data = Stretch.of(team, part, columns, x)[0];
            for (long n = from; n < to; n++) {
                long angle = (long) Lanes.getInt(positions.data(), n) * half;
                if (direct) {
                    turnInHalf(x.data(), n * columns, heads, width, half, cos.data(), sin.data(), angle, sign);
                    continue;
                }
                long at = data.read(n * columns, columns);
                for (int head = 0; head < heads; head++, at += width) {
                    turn(data.memory(), at, half, cos.data(), sin.data(), angle, sign);
                }
                data.write(n * columns, columns);
            }
        });
    }

    private static void turn(
            MemorySegment x, long at, int half, MemorySegment cos, MemorySegment sin, long angle, float sign) {
        int whole = Lanes.whole(half);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector c = Lanes.load(cos, angle + i);
            FloatVector s = Lanes.load(sin, angle + i).mul(sign);
            FloatVector first = Lanes.load(x, at + i);
            FloatVector second = Lanes.load(x, at + half + i);
            Lanes.store(first.mul(c).sub(second.mul(s)), x, at + i);
            Lanes.store(second.mul(c).add(first.mul(s)), x, at + half + i);
        }
        for (int i = whole; i < half; i++) {
            float c = Lanes.get(cos, angle + i);
            float s = Lanes.get(sin, angle + i) * sign;
            float first = Lanes.get(x, at + i);
            float second = Lanes.get(x, at + half + i);
            Lanes.set(x, at + i, first * c - second * s);
            Lanes.set(x, at + half + i, second * c + first * s);
        }
    }

    /** All heads of a row in BF16 without a stretch, where the turned halves are whole vectors: an angle is read once. */
    private static void turnInHalf(
            MemorySegment x,
            long at,
            int heads,
            int width,
            int half,
            MemorySegment cos,
            MemorySegment sin,
            long angle,
            float sign) {
        for (int i = 0; i < half; i += Lanes.WIDTH) {
            FloatVector c = Lanes.load(cos, angle + i);
            FloatVector s = Lanes.load(sin, angle + i).mul(sign);
            turnInHalf(x, at + i, heads, width, half, c, s);
        }
    }

    private static void turnInHalf(
            MemorySegment x, long from, int heads, int width, int half, FloatVector c, FloatVector s) {
        long at = from;
        for (int head = 0; head < heads; head++, at += width) {
            FloatVector first = Floats.widen(x, at);
            FloatVector second = Floats.widen(x, at + half);
            Floats.narrow(first.mul(c).sub(second.mul(s)), x, at);
            Floats.narrow(second.mul(c).add(first.mul(s)), x, at + half);
        }
    }
}
