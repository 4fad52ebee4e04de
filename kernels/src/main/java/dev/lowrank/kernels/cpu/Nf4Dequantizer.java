package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.Nf4Shapes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * NF4 to numbers. The sixteen codes are multiplied by a block's scale once; each element is then looked up among the
 * products, which lie in one vector of 16 lanes or two of 8.
 */
final class Nf4Dequantizer {
    private static final float[] CODES = Nf4.codes();
    private static final int HALF = CODES.length / 2;
    private static final VectorSpecies<Long> L = Lanes.F.withLanes(long.class);
    private static final ValueLayout.OfLong LONG = JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Lane j of a vector of longs is byte j: its high half is the element before that of its low half. */
    private static final LongVector HIGH_HALF =
            LongVector.zero(L).addIndex(Byte.SIZE).add(4);

    private static final LongVector LOW_HALF = LongVector.zero(L).addIndex(Byte.SIZE);

    private final Team team;

    Nf4Dequantizer(Team team) {
        this.team = team;
    }

    void run(Nf4 source, Tensor out) {
        Nf4Shapes.dequantizeNf4(source, out);
        long size = source.size();
        int block = source.blockSize();
        MemorySegment packed = source.packed().data();
        team.rows(source.blocks(), block, (part, from, to) -> {
            Stretch data = Stretch.of(team, part, block, out)[0];
            float[] table = new float[CODES.length];
            for (long b = from; b < to; b++) {
                long at = b * block;
                int count = (int) Math.min(block, size - at);
                float scale = Nf4Scales.of(source, b);
                int whole = Lanes.WIDTH < HALF ? 0 : Lanes.whole(count);
                long place = data.place(at);
                vectors(packed, at, data.memory(), place, whole, scale);
                if (whole < count) {
                    rest(packed, at + whole, data.memory(), place + whole, count - whole, scale, table);
                }
                data.write(at, count);
            }
        });
    }

    private static void vectors(MemorySegment packed, long at, MemorySegment out, long place, int count, float scale) {
        if (Lanes.WIDTH == 2 * HALF) {
            IntVector table =
                    FloatVector.fromArray(Lanes.F, CODES, 0).mul(scale).reinterpretAsInts();
            for (int i = 0; i < count; i += 2 * HALF) {
                IntVector codes = codes(packed.get(LONG, (at + i) / 2));
                Lanes.store(codes.selectFrom(table).reinterpretAsFloats(), out, place + i);
            }
        } else if (Lanes.WIDTH == HALF) {
            IntVector lower =
                    FloatVector.fromArray(Lanes.F, CODES, 0).mul(scale).reinterpretAsInts();
            IntVector upper =
                    FloatVector.fromArray(Lanes.F, CODES, HALF).mul(scale).reinterpretAsInts();
            for (int i = 0; i < count; i += HALF) {
                IntVector codes = codes(Integer.toUnsignedLong(packed.get(INT, (at + i) / 2)));
                IntVector within = codes.and(HALF - 1);
                IntVector chosen = within.selectFrom(lower)
                        .blend(within.selectFrom(upper), codes.compare(VectorOperators.GE, HALF));
                Lanes.store(chosen.reinterpretAsFloats(), out, place + i);
            }
        }
    }

    /** Spreads the half bytes over a vector, in the order of their elements. */
    private static IntVector codes(long bytes) {
        LongVector all = LongVector.broadcast(L, bytes);
        LongVector even = all.lanewise(VectorOperators.LSHR, HIGH_HALF).and(15);
        LongVector odd = all.lanewise(VectorOperators.LSHR, LOW_HALF).and(15);
        return odd.lanewise(VectorOperators.LSHL, Integer.SIZE).or(even).reinterpretAsInts();
    }

    private static void rest(
            MemorySegment packed, long at, MemorySegment out, long place, int count, float scale, float[] table) {
        for (int c = 0; c < table.length; c++) {
            table[c] = CODES[c] * scale;
        }
        for (int i = 0; i < count; i++) {
            int pair = Byte.toUnsignedInt(packed.get(JAVA_BYTE, (at + i) / 2));
            Lanes.set(out, place + i, table[(at + i) % 2 == 0 ? pair >>> 4 : pair & 15]);
        }
    }
}
