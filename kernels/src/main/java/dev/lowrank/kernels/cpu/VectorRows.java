package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/** By the Vector API, row by row. */
final class VectorRows implements RowPasses {
    private final float[] lanes = new float[Lanes.WIDTH];

    @Override
    public void gather(MemorySegment tensor, Place place, MemorySegment block, MemorySegment next) {
        int columns = Bf16Layout.padded(place.width());
        eachRow(place, (row, at) -> Bf16Layout.row(tensor, at, place.width(), block, (long) row * columns, columns));
    }

    @Override
    public void scatter(MemorySegment block, MemorySegment numbers, MemorySegment tensor, Place place) {
        int columns = Bf16Layout.padded(place.width());
        eachRow(
                place,
                (row, at) -> Bf16Layout.round(
                        block, (long) row * columns, Lanes.get(numbers, row), tensor, at, place.width()));
    }

    @Override
    public void dots(MemorySegment a, MemorySegment b, Place place, ScoreRows rows) {
        eachRow(place, (row, at) -> rows.delta(row, Bf16Layout.dot(a, b, at, place.width(), lanes)));
    }

    @FunctionalInterface
    private interface RowVisitor {
        void visit(int row, long at);
    }

    private static void eachRow(Place place, RowVisitor visitor) {
        int row = 0;
        for (int i = 0; i < place.queries(); i++) {
            for (int h = 0; h < place.heads(); h++, row++) {
                visitor.visit(row, place.from() + i * place.stride() + (long) h * place.width());
            }
        }
    }
}
