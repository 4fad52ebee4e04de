package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** By machine code of our own ({@link RowCode}), one call for a block; rows that are no whole lines by the Vector API. */
final class CodedRows implements RowPasses {
    private static final Optional<MachineCode> GATHER = MachineCode.ofVectors(RowCode.gather());
    private static final Optional<MachineCode> SCATTER = MachineCode.ofVectors(RowCode.scatter());
    private static final Optional<MachineCode> DOTS = MachineCode.ofVectors(RowCode.dots());

    private final MemorySegment arguments = Arena.ofAuto().allocate(RowCode.BYTES, 64);
    private final MachineCode gather = GATHER.orElseThrow();
    private final MachineCode scatter = SCATTER.orElseThrow();
    private final MachineCode dots = DOTS.orElseThrow();
    private final RowPasses others = new VectorRows();

    static boolean works() {
        return GATHER.isPresent() && SCATTER.isPresent() && DOTS.isPresent();
    }

    @Override
    public void gather(MemorySegment tensor, Place place, MemorySegment block, MemorySegment next) {
        if (!whole(place)) {
            others.gather(tensor, place, block, next);
            return;
        }
        place(tensor, place);
        set(RowCode.BLOCK, block.address());
        set(RowCode.OTHER, next.address() - tensor.address());
        gather.call(arguments.address());
    }

    @Override
    public void scatter(MemorySegment block, MemorySegment numbers, MemorySegment tensor, Place place) {
        if (!whole(place)) {
            others.scatter(block, numbers, tensor, place);
            return;
        }
        place(tensor, place);
        set(RowCode.BLOCK, block.address());
        set(RowCode.NUMBERS, numbers.address());
        scatter.call(arguments.address());
    }

    @Override
    public void dots(MemorySegment a, MemorySegment b, Place place, ScoreRows rows) {
        if (!whole(place)) {
            others.dots(a, b, place, rows);
            return;
        }
        place(a, place);
        set(RowCode.OTHER, b.address() - a.address());
        set(RowCode.NUMBERS, rows.table().address() + ScoreRows.DELTA);
        dots.call(arguments.address());
    }

    private static boolean whole(Place place) {
        return place.width() % 32 == 0;
    }

    private void place(MemorySegment tensor, Place place) {
        set(RowCode.TENSOR, tensor.address() + place.from() * Short.BYTES);
        set(RowCode.STRIDE, place.stride() * Short.BYTES);
        set(RowCode.QUERIES, place.queries());
        set(RowCode.HEADS, place.heads());
        set(RowCode.LINES, place.lines());
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }
}
