package dev.lowrank.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.DeviceLostException;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Mistakes made on purpose in the project's own kernels are found on the emulated device, which has nothing against the kernels as they
 * are.
 */
class MutatedKernelsTest {
    /** Its name, the files it needs, and what it computes. */
    enum Operation {
        RMS_NORM("rms_norm.cu") {
            @Override
            float[] run(Kernels kernels, Workspace memory) {
                Tensor x = random(kernels, memory.take(3, 200));
                Tensor weight = random(kernels, memory.take(200));
                Tensor y = memory.take(3, 200);
                kernels.rmsNorm(x, weight, 0, 1e-5f, y, memory.take(3));
                return read(kernels, y);
            }
        },
        LAYER_NORM("layer_norm.cu") {
            @Override
            float[] run(Kernels kernels, Workspace memory) {
                Tensor x = random(kernels, memory.take(3, 200));
                Tensor weight = random(kernels, memory.take(200));
                Tensor bias = random(kernels, memory.take(200));
                Tensor y = memory.take(3, 200);
                kernels.layerNorm(x, weight, bias, 1e-5f, y, memory.take(3), memory.take(3));
                return read(kernels, y);
            }
        },
        MATMUL("matmul.cu") {
            @Override
            float[] run(Kernels kernels, Workspace memory) {
                Tensor a = random(kernels, memory.take(70, 37));
                Tensor b = random(kernels, memory.take(37, 66));
                Tensor c = memory.take(70, 66);
                kernels.matmul(a, false, b, false, 1, 0, c);
                return read(kernels, c);
            }
        },
        MATMUL_HALF("matmul_half.cu", "convert.cu") {
            @Override
            float[] run(Kernels kernels, Workspace memory) {
                Tensor a = random(kernels, memory.take(DType.BF16, 140, 104));
                Tensor b = random(kernels, memory.take(DType.BF16, 104, 72));
                Tensor c = memory.take(140, 72);
                kernels.matmul(a, false, b, false, 1, 0, c);
                return read(kernels, c);
            }
        },
        CROSS_ENTROPY("cross_entropy.cu", "matmul.cu", "rows.cu") {
            @Override
            float[] run(Kernels kernels, Workspace memory) {
                Tensor hidden = random(kernels, memory.take(4, 8));
                Tensor weight = random(kernels, memory.take(100, 8));
                Tensor labels = memory.take(DType.I32, 4);
                kernels.upload(new int[] {70, 99, 40, 33}, labels);
                Tensor losses = memory.take(4);
                Tensor dHidden = memory.take(4, 8);
                kernels.linearCrossEntropy(hidden, weight, TokenLoss.of(labels, 1), losses, dHidden, null, memory);
                return read(kernels, losses, dHidden);
            }
        };

        private final List<String> files;

        Operation(String... files) {
            this.files = List.of(files);
        }

        abstract float[] run(Kernels kernels, Workspace memory);
    }

    /** A text in a file, and what takes the place of its first occurrence. */
    enum Mutation {
        SUM_IS_READ_TOO_SOON(Operation.RMS_NORM, "device.cuh", """
                        warps[threadIdx.x / WARP] = value;
                    }
                    __syncthreads();
                """, """
                        warps[threadIdx.x / WARP] = value;
                    }
                """),
        SUM_IS_WRITTEN_TOO_SOON(Operation.LAYER_NORM, "device.cuh", """
                    value = warpSum(value);
                    __syncthreads();
                """, """
                    value = warpSum(value);
                """),
        COLUMN_TOO_MANY(Operation.RMS_NORM, "rms_norm.cu", "c < columns", "c <= columns"),
        ONLY_ONE_WARP_WRITES_ITS_SUM(
                Operation.RMS_NORM, "device.cuh", "if (threadIdx.x % WARP == 0) {", "if (threadIdx.x == 0) {"),
        TERM_TOO_MANY(Operation.MATMUL, "matmul.cu", "from + term < k;", "from + term <= k;"),
        ROW_TOO_MANY(Operation.MATMUL, "matmul.cu", "if (row < m && column < n)", "if (row <= m && column < n)"),
        TILE_IS_MULTIPLIED_TOO_SOON(Operation.MATMUL, "matmul.cu", """
                        __syncthreads();
                #pragma unroll
                """, """
                #pragma unroll
                """),
        ROW_TOO_MANY_IS_BROUGHT(
                Operation.MATMUL_HALF,
                "matmul_half.cu",
                "bool inside = row + r < from.rows &&",
                "bool inside = row + r <= from.rows &&"),
        ROW_TOO_MANY_IS_STORED(Operation.MATMUL_HALF, "matmul_half.cu", "if (r + 8 < m)", "if (r + 8 <= m)"),
        COPIES_ARE_NOT_WAITED_FOR(Operation.MATMUL_HALF, "matmul_half.cu", "awaitCopies<1>", "awaitCopies<2>"),
        COPIES_OF_OTHERS_ARE_NOT_WAITED_FOR(Operation.MATMUL_HALF, "matmul_half.cu", """
                        awaitCopies<1>();
                        __syncthreads();
                """, """
                        awaitCopies<1>();
                """),
        STAGE_IS_OVERWRITTEN_TOO_SOON(Operation.MATMUL_HALF, "matmul_half.cu", """
                        }
                        __syncthreads();
                    }
                """, """
                        }
                    }
                """),
        WRONG_STAGE(Operation.MATMUL_HALF, "matmul_half.cu", "right + (stage ^ 1) * STAGE", "right + stage * STAGE"),
        OUTSIDE_IS_NOT_ZERO(Operation.MATMUL_HALF, "matmul_half.cu", "inside ? 16 : 0", "16"),
        LOGITS_ARE_OVERWRITTEN_TOO_SOON(
                Operation.CROSS_ENTROPY,
                "cross_entropy.cu",
                "__syncthreads();  // The gradient may take the place of the logits",
                "// The gradient may take the place of the logits"),
        LARGEST_IS_READ_TOO_SOON(Operation.CROSS_ENTROPY, "cross_entropy.cu", """
                        __syncthreads();
                        largest = largestOf[0];
                """, """
                        largest = largestOf[0];
                """);

        private final Operation operation;
        private final String file;
        private final String from;
        private final String to;

        Mutation(Operation operation, String file, String from, String to) {
            this.operation = operation;
            this.file = file;
            this.from = from;
            this.to = to;
        }
    }

    private static final Path KERNELS = EmulatedProgram.Folders.here().language();

    @TempDir
    private Path folder;

    @BeforeAll
    static void assumeBuildable() {
        EmulatedKernels.assumeBuildable();
    }

    @ParameterizedTest
    @EnumSource
    void asTheyAreKernelsComputeWhatTheProcessorDoes(Operation operation) throws IOException {
        copy();
        float[] expected;
        try (Kernels cpu = CpuKernels.open(1);
                Workspace memory = cpu.workspace()) {
            expected = operation.run(cpu, memory);
        }
        assertThat(result(operation)).containsExactly(expected, Offset.offset(1e-4f));
    }

    @ParameterizedTest
    @EnumSource
    void mistakesAreFound(Mutation mutation) throws IOException {
        copy();
        float[] right = result(mutation.operation);
        Path source = folder.resolve(mutation.file);
        String text = Files.readString(source);
        assertThat(text).as("what the mutation changes is still there").contains(mutation.from);
        int at = text.indexOf(mutation.from);
        Files.writeString(source, text.substring(0, at) + mutation.to + text.substring(at + mutation.from.length()));
        float[] wrong;
        try {
            wrong = result(mutation.operation);
        } catch (DeviceLostException found) {
            return;
        }
        assertThat(Arrays.equals(wrong, right)).as("nobody notices").isFalse();
    }

    private void copy() throws IOException {
        try (Stream<Path> sources = Files.list(KERNELS)) {
            for (Path source : sources.filter(Files::isRegularFile).toList()) {
                Files.copy(source, folder.resolve(source.getFileName()));
            }
        }
    }

    /** Of the operation with the kernels as they now are in the folder. */
    private float[] result(Operation operation) {
        EmulatedProgram.Folders own = EmulatedProgram.Folders.here();
        EmulatedProgram program = new EmulatedProgram(
                new EmulatedProgram.Folders(folder, own.device(), own.built()),
                operation.files.stream().map(folder::resolve).toList());
        EmulatedDriver driver = new EmulatedDriver(program.path(), EmulatedKernels.ORDERS, EmulatedKernels.SECONDS);
        try (Kernels kernels = new CudaKernels(driver);
                Workspace memory = kernels.workspace()) {
            return operation.run(kernels, memory);
        }
    }

    private static Tensor random(Kernels kernels, Tensor tensor) {
        Random random = new Random(tensor.size());
        float[] values = new float[Math.toIntExact(tensor.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    private static float[] read(Kernels kernels, Tensor... tensors) {
        int size = 0;
        for (Tensor tensor : tensors) {
            size += Math.toIntExact(tensor.size());
        }
        float[] all = new float[size];
        int at = 0;
        for (Tensor tensor : tensors) {
            kernels.download(tensor, all, at);
            at += Math.toIntExact(tensor.size());
        }
        return all;
    }
}
