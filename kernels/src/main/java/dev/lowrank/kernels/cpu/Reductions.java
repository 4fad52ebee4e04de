package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Numbers made from whole tensors, or from their rows. A whole tensor is cut into blocks of a fixed size whose results are joined in order, so the
 * answer is the same for every number of threads.
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
        Shapes.floats("sumOfSquares x", x);
        long size = x.size();
        int count = blocksOf(size);
        if (blocks.length < count) {
            blocks = new double[count];
        }
        team.rows(count, BLOCK, (from, to) -> {
            double[] buffer = new double[WIDTH];
            for (long block = from; block < to; block++) {
                long begin = block * BLOCK;
                blocks[(int) block] = sumOfSquares(x.data(), begin, Math.min(size, begin + BLOCK), buffer);
            }
        });
        double sum = 0;
        for (int block = 0; block < count; block++) {
            sum += blocks[block];
        }
        return sum;
    }

    void rowNorms(Tensor x, Tensor out) {
        Shapes.matrix("rowNorms x", x);
        int columns = x.columns();
        Shapes.floats("rowNorms out", out, x.rows());
        team.rows(x.rows(), columns, (from, to) -> {
            double[] buffer = new double[WIDTH];
            for (long r = from; r < to; r++) {
                double squares = sumOfSquares(x.data(), r * columns, (r + 1) * columns, buffer);
                Lanes.set(out.data(), r, (float) Math.sqrt(squares));
            }
        });
    }

    boolean allFinite(Tensor x) {
        Shapes.floats("allFinite x", x);
        boolean[] finite = {true};
        team.elements(x.size(), (from, to) -> {
            if (!allFinite(x.data(), from, to)) {
                finite[0] = false; // Every writer writes the same.
            }
        });
        return finite[0];
    }

    private static int blocksOf(long size) {
        return Math.toIntExact((size + BLOCK - 1) / BLOCK);
    }

    private static double sumOfSquares(MemorySegment x, long from, long to, double[] buffer) {
        long whole = from + ((to - from) & -WIDTH);
        DoubleVector acc = DoubleVector.zero(D);
        for (long i = from; i < whole; i += WIDTH) {
            FloatVector v = FloatVector.fromMemorySegment(HALF, x, i << 2, ByteOrder.nativeOrder());
            DoubleVector d = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 0);
            acc = d.fma(d, acc);
        }
        acc.intoArray(buffer, 0);
        double sum = 0;
        for (double lane : buffer) {
            sum += lane;
        }
        for (long i = whole; i < to; i++) {
            double v = Lanes.get(x, i);
            sum += v * v;
        }
        return sum;
    }

    /** Times zero, a finite number is zero and anything else NaN, which stays NaN in the sum. */
    private static boolean allFinite(MemorySegment x, long from, long to) {
        long whole = Lanes.whole(from, to);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            acc = Lanes.load(x, i).fma(FloatVector.zero(Lanes.F), acc);
        }
        boolean finite = !acc.test(VectorOperators.IS_NAN).anyTrue();
        for (long i = whole; i < to; i++) {
            finite &= Float.isFinite(Lanes.get(x, i));
        }
        return finite;
    }
}
