package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Numbers made from whole tensors, or from their rows. A whole tensor is cut into blocks of a fixed size whose results
 * are joined in order, so the answer is the same for every number of threads.
 */
final class Reductions {
    private static final int BLOCK = 1 << 14;
    private static final VectorSpecies<Double> D = DoubleVector.SPECIES_PREFERRED;
    private static final int WIDTH = D.length();

    private final Team team;
    private double[] blocks = new double[0];

    Reductions(Team team) {
        this.team = team;
    }

    double sumOfSquares(Tensor x) {
        Shapes.reals("sumOfSquares x", x);
        Floats data = Floats.of(x);
        long size = x.size();
        int count = blocksOf(size);
        if (blocks.length < count) {
            blocks = new double[count];
        }
        team.rows(count, BLOCK, (from, to) -> {
            double[] buffer = new double[WIDTH];
            for (long block = from; block < to; block++) {
                long begin = block * BLOCK;
                blocks[(int) block] = sumOfSquares(data, begin, Math.min(size, begin + BLOCK), buffer);
            }
        });
        double sum = 0;
        for (int block = 0; block < count; block++) {
            sum += blocks[block];
        }
        return sum;
    }

    void rowNorms(Tensor x, Tensor out) {
        Shapes.realMatrix("rowNorms x", x);
        Floats data = Floats.of(x);
        int columns = x.columns();
        Shapes.floats("rowNorms out", out, x.rows());
        team.rows(x.rows(), columns, (from, to) -> {
            double[] buffer = new double[WIDTH];
            for (long r = from; r < to; r++) {
                double squares = sumOfSquares(data, r * columns, (r + 1) * columns, buffer);
                Lanes.set(out.data(), r, (float) Math.sqrt(squares));
            }
        });
    }

    boolean allFinite(Tensor x) {
        Shapes.reals("allFinite x", x);
        Floats data = Floats.of(x);
        boolean[] finite = {true};
        team.elements(x.size(), (from, to) -> {
            if (!allFinite(data, from, to)) {
                finite[0] = false; // Every writer writes the same.
            }
        });
        return finite[0];
    }

    private static int blocksOf(long size) {
        return Math.toIntExact((size + BLOCK - 1) / BLOCK);
    }

    private static double sumOfSquares(Floats x, long from, long to, double[] buffer) {
        long whole = Lanes.whole(from, to);
        DoubleVector acc = DoubleVector.zero(D);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            FloatVector v = x.load(i);
            DoubleVector lower = (DoubleVector) v.convert(VectorOperators.F2D, 0);
            DoubleVector upper = (DoubleVector) v.convert(VectorOperators.F2D, 1);
            acc = upper.fma(upper, lower.fma(lower, acc));
        }
        acc.intoArray(buffer, 0);
        if (to - whole >= WIDTH) {
            for (int lane = 0; lane < WIDTH; lane++) {
                double v = x.get(whole + lane);
                buffer[lane] = Math.fma(v, v, buffer[lane]);
            }
            whole += WIDTH;
        }
        double sum = 0;
        for (double lane : buffer) {
            sum += lane;
        }
        for (long i = whole; i < to; i++) {
            double v = x.get(i);
            sum += v * v;
        }
        return sum;
    }

    /** Times zero, a finite number is zero and anything else NaN, which stays NaN in the sum. */
    private static boolean allFinite(Floats x, long from, long to) {
        long whole = Lanes.whole(from, to);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            acc = x.load(i).fma(FloatVector.zero(Lanes.F), acc);
        }
        boolean finite = !acc.test(VectorOperators.IS_NAN).anyTrue();
        for (long i = whole; i < to; i++) {
            finite &= Float.isFinite(x.get(i));
        }
        return finite;
    }
}
