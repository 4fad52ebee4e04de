package dev.lowrank.kernels;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;

/** What every contract test of {@link Kernels} begins from: open kernels, fresh memory, fixed random numbers. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class KernelsFixture {
    static final int[] SIZES = {1, 2, 3, 7, 13, 64, 65, 85, 207};
    static final double EXACT = 4e-7;

    protected Kernels kernels;
    protected Workspace memory;
    Random random;

    /** A new instance of the implementation under test. */
    protected abstract Kernels open();

    /** What activations and their gradients are stored as: F32 or BF16. */
    protected DType activations() {
        return DType.F32;
    }

    @BeforeAll
    void openKernels() {
        kernels = open();
    }

    @AfterAll
    void closeKernels() {
        kernels.close();
    }

    @BeforeEach
    void takeMemory() {
        memory = kernels.workspace();
        random = new Random(7);
    }

    @AfterEach
    void giveMemoryBack() {
        memory.close();
    }

    /** The tolerance of a sum of so many terms of like size. */
    static double sumOf(int terms) {
        return EXACT * Math.sqrt(terms + 1);
    }

    static double[] plus(double[] a, float[] b) {
        double[] sum = a.clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += b[i];
        }
        return sum;
    }

    static int[] starts(int... lengths) {
        int[] starts = new int[lengths.length + 1];
        for (int i = 0; i < lengths.length; i++) {
            starts[i + 1] = starts[i] + lengths[i];
        }
        return starts;
    }

    final float[] random(int size) {
        return Numbers.random(random, size);
    }

    /** The numbers as activations hold them, in place. */
    final float[] held(float... values) {
        return activations() == DType.BF16 ? Bf16Reference.round(values) : values;
    }

    /** Random numbers that activations hold exactly. */
    final float[] reals(int size) {
        return held(random(size));
    }

    /** A tensor of activations. */
    final Tensor stored(float... values) {
        Tensor tensor = memory.take(activations(), values.length);
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    protected final Tensor tensor(float... values) {
        Tensor tensor = memory.take(values.length);
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    /** The same numbers as another type, rounded where it holds less. */
    final Tensor as(DType type, Tensor tensor) {
        Tensor other = memory.take(type, tensor.shape());
        kernels.convert(tensor, other);
        return other;
    }

    final Tensor ints(int... values) {
        Tensor tensor = memory.take(DType.I32, values.length);
        kernels.upload(values, tensor);
        return tensor;
    }

    final Tensor zeros(long... shape) {
        Tensor tensor = memory.take(shape);
        kernels.zero(tensor);
        return tensor;
    }

    static float[] nans(int size) {
        float[] values = new float[size];
        Arrays.fill(values, Float.NaN);
        return values;
    }

    final Tensor zeroActivations(long... shape) {
        Tensor tensor = memory.take(activations(), shape);
        kernels.zero(tensor);
        return tensor;
    }

    /** Activations that an operation must overwrite whole. */
    final Tensor nans(int rows, int columns) {
        return stored(nans(rows * columns)).reshape(rows, columns);
    }

    final void assertHolds(String what, Tensor actual, double[] expected, double tolerance) {
        assertHolds(what, actual, expected, tolerance, 1e-3);
    }

    /**
     * {@link Numbers#assertClose} of what a tensor holds. One of BF16 may be off by its own rounding too, which is half a
     * step of 2^-7 at 1 and so at most 2^-8 of the number itself: one rounding, not two.
     */
    final void assertHolds(String what, Tensor actual, double[] expected, double tolerance, double least) {
        double rounding = actual.dtype() == DType.BF16 ? 0x1p-8 : 0;
        Numbers.assertClose(what, read(actual), expected, rounding, tolerance, least);
    }

    protected final float[] read(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }
}
