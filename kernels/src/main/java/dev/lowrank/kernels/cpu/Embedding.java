package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;

/** Table look-up and the addition of gradients back into the table. */
final class Embedding {
    private final Team team;

    Embedding(Team team) {
        this.team = team;
    }

    void forward(Tensor ids, Tensor table, Tensor out) {
        Shapes.realMatrix("embedding table", table);
        check("embedding", ids, table, "out", out);
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

    /**
     * {@code out[n] = table[ids[n]]} is linear, so {@code dTable[i]} is the sum of dOut[n] over the n with
     * {@code ids[n] = i}. Threads divide the columns: each adds all rows in order of n, and no two touch the same place.
     */
    void backward(Tensor ids, Tensor dOut, Tensor dTable) {
        Shapes.matrix("embeddingBackward dTable", dTable);
        check("embeddingBackward", ids, dTable, "dOut", dOut);
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

    private static void check(String op, Tensor ids, Tensor table, String name, Tensor rows) {
        Shapes.ints(op + " ids", ids, ids.size());
        Shapes.realMatrix(op + " " + name, rows, ids.size(), table.columns());
        Shapes.inRange(op + " ids", ids, table.rows(), 0);
    }
}
