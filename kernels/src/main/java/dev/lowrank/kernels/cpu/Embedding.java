package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** Table look-up and the addition of gradients back into the table. */
final class Embedding {
    private final Team team;

    Embedding(Team team) {
        this.team = team;
    }

    void forward(Tensor ids, Tensor table, Tensor out) {
        check("embedding", ids, table, "out", out);
        long row = (long) table.columns() * Float.BYTES;
        team.rows(out.rows(), table.columns(), (from, to) -> {
            for (long n = from; n < to; n++) {
                int id = Lanes.getInt(ids.data(), n);
                MemorySegment.copy(table.data(), id * row, out.data(), n * row, row);
            }
        });
    }

    /**
     * {@code out[n] = table[ids[n]]} is linear, so {@code dTable[i]} is the sum of dOut[n] over the n with
     * {@code ids[n] = i}. Threads divide the columns: each adds all rows in order of n, and no two touch the same place.
     */
    void backward(Tensor ids, Tensor dOut, Tensor dTable) {
        check("embeddingBackward", ids, dTable, "dOut", dOut);
        int columns = dTable.columns();
        int rows = dOut.rows();
        team.columns(rows, columns, (from, to) -> {
            for (long n = 0; n < rows; n++) {
                long target = (long) Lanes.getInt(ids.data(), n) * columns;
                addRow(dOut.data(), n * columns, dTable.data(), target, (int) from, (int) to);
            }
        });
    }

    private static void check(String op, Tensor ids, Tensor table, String name, Tensor rows) {
        Shapes.matrix(op + " table", table);
        Shapes.ints(op + " ids", ids, ids.size());
        Shapes.matrix(op + " " + name, rows, ids.size(), table.columns());
        Shapes.inRange(op + " ids", ids, table.rows(), 0);
    }

    private static void addRow(MemorySegment source, long atSource, MemorySegment sum, long atSum, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(sum, atSum + c).add(Lanes.load(source, atSource + c)), sum, atSum + c);
        }
        for (int c = whole; c < to; c++) {
            Lanes.set(sum, atSum + c, Lanes.get(sum, atSum + c) + Lanes.get(source, atSource + c));
        }
    }
}
