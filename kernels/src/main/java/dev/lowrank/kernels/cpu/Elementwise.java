package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.ElementwiseShapes;
import java.lang.foreign.MemorySegment;

/** Copying, clearing, scaling and adding whole tensors. */
final class Elementwise {
    private final Team team;

    Elementwise(Team team) {
        this.team = team;
    }

    void copy(Tensor source, Tensor target) {
        ElementwiseShapes.copy(source, target);
        MemorySegment from = source.data();
        MemorySegment to = target.data();
        int bytes = source.dtype().bytes();
        team.elements(
                source.size(),
                (begin, end) -> MemorySegment.copy(from, begin * bytes, to, begin * bytes, (end - begin) * bytes));
    }

    void convert(Tensor source, Tensor target) {
        ElementwiseShapes.convert(source, target);
        Floats from = Floats.of(source);
        Floats to = Floats.of(target);
        team.elements(source.size(), (begin, end) -> Floats.convert(from, begin, to, begin, end - begin));
    }

    void zero(Tensor target) {
        MemorySegment data = target.data();
        int bytes = target.dtype().bytes();
        team.elements(
                target.size(),
                (begin, end) ->
                        data.asSlice(begin * bytes, (end - begin) * bytes).fill((byte) 0));
    }

    void scale(Tensor target, float factor) {
        ElementwiseShapes.scale(target);
        scale(team, target, factor);
    }

    static void scale(Team team, Tensor target, float factor) {
        scale(team, target, factor, target);
    }

    /** {@code out = x * factor}; {@code out} may be x. */
    static void scale(Team team, Tensor x, float factor, Tensor out) {
        team.elements(x.size(), (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, Stretch.BLOCK, x, out);
            Stretch in = s[0];
            Stretch product = s[1];
            Stretch.blocks(from, to, (at, n) -> {
                scale(in.memory(), in.read(at, n), factor, product.memory(), product.place(at), n);
                product.write(at, n);
            });
        });
    }

    void add(Tensor x, Tensor y, Tensor out) {
        ElementwiseShapes.add(x, y, out);
        team.elements(x.size(), (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, Stretch.BLOCK, x, y, out);
            Stretch a = s[0];
            Stretch b = s[1];
            Stretch sum = s[2];
            Stretch.blocks(from, to, (at, n) -> {
                add(a.memory(), a.read(at, n), b.memory(), b.read(at, n), sum.memory(), sum.place(at), n);
                sum.write(at, n);
            });
        });
    }

    static void scale(MemorySegment data, float factor, long from, long to) {
        scale(data, from, factor, data, from, (int) (to - from));
    }

    private static void scale(MemorySegment x, long atX, float factor, MemorySegment out, long at, int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            Lanes.store(Lanes.load(x, atX + i).mul(factor), out, at + i);
        }
        for (int i = whole; i < n; i++) {
            Lanes.set(out, at + i, Lanes.get(x, atX + i) * factor);
        }
    }

    static void add(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to) {
        add(x, from, y, from, out, from, (int) (to - from));
    }

    private static void add(MemorySegment x, long atX, MemorySegment y, long atY, MemorySegment out, long at, int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            Lanes.store(Lanes.load(x, atX + i).add(Lanes.load(y, atY + i)), out, at + i);
        }
        for (int i = whole; i < n; i++) {
            Lanes.set(out, at + i, Lanes.get(x, atX + i) + Lanes.get(y, atY + i));
        }
    }
}
