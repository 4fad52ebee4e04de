package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows of BF16 are turned to the bits of F32's, rounded, and nothing else is written. */
class CodedRopeTest {
    private static final int POSITIONS = 40;

    private final CpuKernels kernels = CpuKernels.open(2);
    private final Workspace memory = kernels.workspace();
    private final Random random = new Random(3);

    @AfterEach
    void close() {
        memory.close();
        kernels.close();
    }

    /** Heads that are turned whole, and some of which the last elements stay. */
    @ParameterizedTest
    @CsvSource({"1, 1, 32, 16", "7, 3, 64, 32", "151, 9, 64, 32", "300, 2, 128, 64", "9, 3, 96, 16", "8, 2, 101, 48"})
    void turns(int rows, int heads, int width, int half) {
        Tensor x = memory.take(DType.BF16, rows + 1, (long) heads * width);
        Tensor plain = memory.take(rows + 1, (long) heads * width);
        assumeTrue(CodedRope.takes(x, half), "This processor has no such code.");
        kernels.convert(filled(rows + 1, heads * width), x);
        kernels.convert(x, plain);
        Tensor positions = memory.take(DType.I32, rows);
        kernels.upload(random.ints(rows, 0, POSITIONS).toArray(), positions);
        Tensor cos = filled(POSITIONS, half);
        Tensor sin = filled(POSITIONS, half);
        for (boolean transposed : new boolean[] {false, true}) {
            kernels.rope(x.slice(0, rows), heads, positions, cos, sin, transposed);
            kernels.rope(plain.slice(0, rows), heads, positions, cos, sin, transposed);
            Tensor expected = memory.take(DType.BF16, rows + 1, (long) heads * width);
            kernels.convert(plain, expected);
            assertThat(read(x)).isEqualTo(read(expected));
            kernels.convert(x, plain);
        }
    }

    private Tensor filled(int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        Tensor tensor = memory.take(rows, columns);
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    private float[] read(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }
}
