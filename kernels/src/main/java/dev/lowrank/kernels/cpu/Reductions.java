package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.ReductionShapes;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Numbers made from whole tensors, or from their rows. A whole tensor is cut into blocks of a fixed size whose results
 * are joined in order, so the answer is the same for every number of threads.
 */
final class Reductions {
    private static final int BLOCK = 1 << 14;
    private static final VectorSpecies<Double> D = DoubleVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> HALF =
            VectorSpecies.of(float.class, VectorShape.forBitSize(D.vectorBitSize() / 2));
    private static final int WIDTH = D.length();

    private final Team team;
    private double[] blocks = new double[0];

    Reductions(Team team) {
        this.team = team;
    }

    double sumOfSquares(Tensor x) {
        ReductionShapes.sumOfSquares(x);
        long size = x.size();
        int count = blocksOf(size);
        if (blocks.length < count) {
            blocks = new double[count];
        }
        team.rows(count, BLOCK, (part, from, to) -> {
            Stretch in = Stretch.of(team, part, BLOCK, x)[0];
            double[] buffer = new double[WIDTH];
            for (long block = from; block < to; block++) {
                long begin = block * BLOCK;
                int n = (int) Math.min(BLOCK, size - begin);
                blocks[(int) block] = sumOfSquares(in.memory(), in.read(begin, n), n, buffer);
            }
        });
        double sum = 0;
        for (int block = 0; block < count; block++) {
            sum += blocks[block];
        }
        return sum;
    }

    void rowNorms(Tensor x, Tensor out) {
        ReductionShapes.rowNorms(x, out);
        int columns = x.columns();
        team.rows(x.rows(), columns, (part, from, to) -> {
            Stretch in = Stretch.of(team, part, columns, x)[0];
            double[] buffer = new double[WIDTH];
            for (long r = from; r < to; r++) {
                double squares = sumOfSquares(in.memory(), in.read(r * columns, columns), columns, buffer);
                Lanes.set(out.data(), r, (float) Math.sqrt(squares));
            }
        });
    }

    boolean allFinite(Tensor x) {
        ReductionShapes.allFinite(x);
        boolean[] finite = {true};
        team.elements(x.size(), (part, from, to) -> {
            Stretch in = Stretch.of(team, part, Stretch.BLOCK, x)[0];
            Stretch.blocks(from, to, (at, n) -> {
                if (!allFinite(in.memory(), in.read(at, n), n)) {
                    finite[0] = false; // Every writer writes the same.
                }
            });
        });
        return finite[0];
    }

    private static int blocksOf(long size) {
        return Math.toIntExact((size + BLOCK - 1) / BLOCK);
    }

    private static double sumOfSquares(MemorySegment x, long at, int n, double[] buffer) {
        int whole = n & -WIDTH;
        DoubleVector acc = DoubleVector.zero(D);
        for (int i = 0; i < whole; i += WIDTH) {
            FloatVector v = FloatVector.fromMemorySegment(HALF, x, at + i << 2, ByteOrder.nativeOrder());
            DoubleVector d = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 0);
            acc = d.fma(d, acc);
        }
        acc.intoArray(buffer, 0);
        double sum = 0;
        for (double lane : buffer) {
            sum += lane;
        }
        for (int i = whole; i < n; i++) {
            double v = Lanes.get(x, at + i);
            sum += v * v;
        }
        return sum;
    }

    /** Times zero, a finite number is zero and anything else NaN, which stays NaN in the sum. */
    private static boolean allFinite(MemorySegment x, long at, int n) {
        int whole = Lanes.whole(n);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            acc = Lanes.load(x, at + i).fma(FloatVector.zero(Lanes.F), acc);
        }
        boolean finite = !acc.test(VectorOperators.IS_NAN).anyTrue();
        for (int i = whole; i < n; i++) {
            finite &= Float.isFinite(Lanes.get(x, at + i));
        }
        return finite;
    }
}
