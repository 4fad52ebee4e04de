package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** Copying, clearing, scaling and adding whole tensors. */
final class Elementwise {
    private final Team team;

    Elementwise(Team team) {
        this.team = team;
    }

    void copy(Tensor source, Tensor target) {
        if (source.dtype() != target.dtype() || source.size() != target.size()) {
            throw new IllegalArgumentException(
                    "copy needs equal types and sizes, but was given %s and %s.".formatted(source, target));
        }
        MemorySegment from = source.data();
        MemorySegment to = target.data();
        int bytes = source.dtype().bytes();
        team.elements(
                source.size(),
                (begin, end) -> MemorySegment.copy(from, begin * bytes, to, begin * bytes, (end - begin) * bytes));
    }

    void convert(Tensor source, Tensor target) {
        Shapes.reals("convert source", source);
        Shapes.reals("convert target", target, source.size());
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
        Shapes.floats("scale target", target);
        MemorySegment data = target.data();
        team.elements(target.size(), (from, to) -> scale(data, factor, from, to));
    }

    void add(Tensor x, Tensor y, Tensor out) {
        Shapes.floats("add x", x);
        Shapes.floats("add y", y, x.size());
        Shapes.floats("add out", out, x.size());
        team.elements(x.size(), (from, to) -> add(x.data(), y.data(), out.data(), from, to));
    }

    static void scale(MemorySegment data, float factor, long from, long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            Lanes.store(Lanes.load(data, i).mul(factor), data, i);
        }
        for (long i = whole; i < to; i++) {
            Lanes.set(data, i, Lanes.get(data, i) * factor);
        }
    }

    static void add(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            Lanes.store(Lanes.load(x, i).add(Lanes.load(y, i)), out, i);
        }
        for (long i = whole; i < to; i++) {
            Lanes.set(out, i, Lanes.get(x, i) + Lanes.get(y, i));
        }
    }
}
