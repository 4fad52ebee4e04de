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

/** RMSNorm from and to BF16 has the bits of F32's, rounded, and writes nothing else. */
class CodedNormTest {
    private final CpuKernels kernels = CpuKernels.open(2);
    private final Workspace memory = kernels.workspace();
    private final Random random = new Random(3);

    @AfterEach
    void close() {
        memory.close();
        kernels.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 64, 0", "7, 192, 1", "8, 64, 1", "9, 128, 0", "151, 576, 0"})
    void forward(int rows, int columns, float offset) {
        Tensor x = filled(rows, columns);
        Tensor weight = filled(1, columns).reshape(columns);
        Tensor plain = memory.take(rows, columns);
        Tensor half = memory.take(DType.BF16, rows + 1, columns);
        Tensor rstd = memory.take(rows);
        Tensor rstdOfHalf = memory.take(rows);
        assumeTrue(CodedNorm.takes(x, half), "This processor has no such code.");
        kernels.zero(half);
        kernels.rmsNorm(x, weight, offset, 1e-5f, plain, rstd);
        kernels.rmsNorm(x, weight, offset, 1e-5f, half.slice(0, rows), rstdOfHalf);
        assertThat(read(rstdOfHalf)).isEqualTo(read(rstd));
        Tensor expected = memory.take(DType.BF16, rows, columns);
        kernels.convert(plain, expected);
        assertThat(read(half.slice(0, rows))).isEqualTo(read(expected));
        assertThat(read(half.slice(rows, 1))).containsOnly(0);
    }

    @ParameterizedTest
    @CsvSource({"1, 64, 0", "7, 192, 1", "8, 64, 1", "9, 128, 0", "151, 576, 0"})
    void backward(int rows, int columns, float offset) {
        Tensor x = filled(rows, columns);
        Tensor weight = filled(1, columns).reshape(columns);
        Tensor rstd = filled(1, rows).reshape(rows);
        Tensor half = memory.take(DType.BF16, rows, columns);
        Tensor plain = memory.take(rows, columns);
        Tensor[] dx = {memory.take(rows + 1, columns), memory.take(rows + 1, columns)};
        assumeTrue(CodedNorm.takes(x, half), "This processor has no such code.");
        kernels.convert(filled(rows, columns), half);
        kernels.convert(half, plain);
        kernels.convert(filled(rows + 1, columns), dx[0]);
        kernels.copy(dx[0], dx[1]);
        kernels.rmsNormBackward(plain, x, weight, offset, rstd, dx[0].slice(0, rows), null);
        kernels.rmsNormBackward(half, x, weight, offset, rstd, dx[1].slice(0, rows), null);
        assertThat(read(dx[1])).isEqualTo(read(dx[0]));
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
