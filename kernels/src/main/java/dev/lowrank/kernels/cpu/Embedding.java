package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.HeadShapes;
import java.lang.foreign.MemorySegment;

/** Table look-up and the addition of gradients back into the table. */
final class Embedding {
    private final Team team;

    Embedding(Team team) {
        this.team = team;
    }

    void forward(Tensor ids, Tensor table, Tensor out) {
        HeadShapes.embedding(ids, table, out, Lanes.ints(ids));
        int columns = table.columns();
        Floats entries = Floats.of(table);
        Floats rows = Floats.of(out);
        team.rows(out.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                long entry = (long) Lanes.getInt(ids.data(), n) * columns;
                Floats.convert(entries, entry, rows, n * columns, columns);
            }
        });
    }

    /** The same of a table as the processor's tiles want it. */
    void forward(Tensor ids, Packed table, Tensor out) {
        HeadShapes.embedding(ids, table, out, Lanes.ints(ids));
        int columns = table.columns();
        PackedMatrix entries = Bf16Matmul.view(table, false);
        Floats rows = Floats.of(out);
        team.rows(out.rows(), columns, (part, from, to) -> {
            MemorySegment entry = team.scratch(part, entries.bytesOfRow());
            for (long n = from; n < to; n++) {
                entries.copyRow(Lanes.getInt(ids.data(), n), entry, rows, n);
            }
        });
    }

    /**
     * {@code out[n] = table[ids[n]]} is linear, so {@code dTable[i]} is the sum of dOut[n] over the n with
     * {@code ids[n] = i}. Threads divide the columns: each adds all rows in order of n, and no two touch the same place.
     */
    void backward(Tensor ids, Tensor dOut, Tensor dTable) {
        HeadShapes.embeddingBackward(ids, dOut, dTable, Lanes.ints(ids));
        int columns = dTable.columns();
        int rows = dOut.rows();
        team.columns(rows, columns, (part, from, to) -> {
            int count = (int) (to - from);
            Stretch in = Stretch.of(team, part, count, dOut)[0];
            for (long n = 0; n < rows; n++) {
                long target = (long) Lanes.getInt(ids.data(), n) * columns;
                Columns.addRow(in.memory(), in.read(n * columns + from, count), dTable.data(), target + from, count);
            }
        });
    }
}
