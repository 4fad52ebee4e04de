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
        Shapes.reals("scale target", target);
        scale(team, target, factor);
    }

    static void scale(Team team, Tensor target, float factor) {
        Floats data = Floats.of(target);
        team.elements(target.size(), (from, to) -> scale(data, factor, from, to));
    }

    void add(Tensor x, Tensor y, Tensor out) {
        Shapes.reals("add x", x);
        Shapes.reals("add y", y, x.size());
        Shapes.reals("add out", out, x.size());
        Floats a = Floats.of(x);
        Floats b = Floats.of(y);
        Floats sum = Floats.of(out);
        team.elements(x.size(), (from, to) -> add(a, b, sum, from, to));
    }

    static void scale(MemorySegment data, float factor, long from, long to) {
        scale(new Floats(data, false), factor, from, to);
    }

    static void scale(Floats data, float factor, long from, long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            data.store(data.load(i).mul(factor), i);
        }
        for (long i = whole; i < to; i++) {
            data.set(i, data.get(i) * factor);
        }
    }

    private static void add(Floats x, Floats y, Floats out, long from, long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            out.store(x.load(i).add(y.load(i)), i);
        }
        for (long i = whole; i < to; i++) {
            out.set(i, x.get(i) + y.get(i));
        }
    }
}
