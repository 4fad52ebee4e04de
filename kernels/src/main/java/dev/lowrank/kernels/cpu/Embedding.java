package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.Shapes;
import java.lang.foreign.MemorySegment;

/** Table look-up and the addition of gradients back into the table. */
final class Embedding {
    private final Team team;

    Embedding(Team team) {
        this.team = team;
    }

    void forward(Tensor ids, Tensor table, Tensor out) {
        Shapes.realMatrix("embedding table", table);
        int columns = table.columns();
        check("embedding", ids, table.rows(), columns, "out", out);
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
        int columns = table.columns();
        check("embedding", ids, table.rows(), columns, "out", out);
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
        Shapes.matrix("embeddingBackward dTable", dTable);
        int columns = dTable.columns();
        check("embeddingBackward", ids, dTable.rows(), columns, "dOut", dOut);
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

    private static void check(String op, Tensor ids, int entries, int columns, String name, Tensor rows) {
        Shapes.ints(op + " ids", ids, ids.size());
        Shapes.realMatrix(op + " " + name, rows, ids.size(), columns);
        Shapes.inRange(op + " ids", Lanes.ints(ids), ids.size(), entries, 0);
    }
}
