package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A right factor unpacked from 4 bits has the bytes of one that is dequantized to BF16 and then packed. */
class Nf4FactorTest {
    /** Whole blocks, rows that end inside a block of scales or of columns, odd extents, a single element. */
    private static final int[][] SHAPES = {
        {64, 64},
        {32, 128},
        {2, 32},
        {96, 32},
        {34, 96},
        {14, 160},
        {576, 192},
        {130, 576},
        {1, 1},
        {1, 64},
        {33, 64},
        {31, 31},
        {64, 33},
        {80, 60},
        {333, 257}
    };

    private final CpuKernels kernels = CpuKernels.open(1);
    private final Workspace memory = kernels.workspace();
    private final Random random = new Random(7);

    @AfterEach
    void close() {
        memory.close();
        kernels.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void hasTheBytesOfTheMatrixDequantizedAndPacked(boolean doubled) {
        for (int[] shape : SHAPES) {
            for (int block : new int[] {32, 64, 256, 4096}) {
                Nf4 weight = weight(shape[0], shape[1], block, doubled);
                for (int threads : new int[] {1, 3}) {
                    compare(weight, threads);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.MAX_VALUE, Float.MIN_VALUE, 0})
    void roundsWhatScalesMakeOfCodesAlike(float scale) {
        Nf4 weight = weight(64, 96, 64, false);
        Tensor absmax = weight.absmax();
        assertThat(absmax).isNotNull();
        Lanes.set(absmax.data(), 5, scale);
        compare(weight, 1);
    }

    private Nf4 weight(int rows, int columns, int block, boolean doubled) {
        Nf4 weight = Nf4.allocate(memory, rows, columns, block, doubled ? Nf4.NESTED_BLOCK : 0);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() * (1 + i / block % 7);
        }
        Tensor dense = memory.take(rows, columns);
        kernels.upload(values, 0, dense);
        kernels.quantizeNf4(dense, weight);
        return weight;
    }

    private void compare(Nf4 weight, int threads) {
        Tensor dense = memory.take(DType.BF16, weight.rows(), weight.columns());
        kernels.dequantizeNf4(weight, dense);
        try (Team team = new Team(threads);
                Nf4Factor factor = new Nf4Factor(team, new FreshPages())) {
            for (boolean transposed : new boolean[] {false, true}) {
                PackedMatrix unpacked = factor.of(weight, transposed);
                assertThat(bytes(unpacked))
                        .as("%s in %d, transposed %s", weight, weight.blockSize(), transposed)
                        .isEqualTo(bytes(filled(dense, transposed)));
            }
        }
    }

    private PackedMatrix filled(Tensor dense, boolean transposed) {
        int k = transposed ? dense.columns() : dense.rows();
        int n = transposed ? dense.rows() : dense.columns();
        Tensor room = memory.take(DType.U8, PackedMatrix.bytes(k, n));
        PackedMatrix matrix = new PackedMatrix(room.data(), k, n, k);
        matrix.fill(dense.data(), dense.columns(), transposed, 0, PackedMatrix.blocks(n));
        return matrix;
    }

    private static byte[] bytes(PackedMatrix matrix) {
        MemorySegment data = matrix.data().asSlice(0, PackedMatrix.bytes(matrix.k(), matrix.n()));
        return data.toArray(ValueLayout.JAVA_BYTE);
    }
}
