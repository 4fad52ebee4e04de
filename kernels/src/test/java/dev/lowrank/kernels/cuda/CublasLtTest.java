package dev.lowrank.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is asked of cuBLASLt, of a stand-in that computes on the host. */
class CublasLtTest {
    private static final long WORKSPACE = 0x1000;
    private static final long STREAM = 0x2000;

    @TempDir
    private static Path folder;

    private static Path library;
    private static CublasLt products;

    private final Random random = new Random(3);

    @BeforeAll
    static void build() throws IOException, InterruptedException {
        EmulatedKernels.assumeBuildable();
        library = folder.resolve("libcublasLt.so.13");
        Path source = EmulatedProgram.sources().resolve("test/cuda/standin/cublaslt.cpp");
        Process compiler = new ProcessBuilder(
                        "g++", "-O1", "-shared", "-fPIC", "-o", library.toString(), source.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(compiler.waitFor()).as(said).isZero();
        products = new CublasLt(found(library.toString()).orElseThrow());
    }

    @AfterAll
    static void close() {
        if (products != null) {
            products.close();
        }
    }

    private static Optional<SymbolLookup> found(String setting) {
        return new CublasLtFinder(Map.of(CublasLtFinder.SETTING, setting)).find();
    }

    @Test
    void multipliesEveryOrientationByRows() {
        for (int way = 0; way < 16; way++) {
            check((way & 1) != 0, (way & 2) != 0, (way & 4) != 0, (way & 8) != 0, 7, 5, 9);
            check((way & 1) != 0, (way & 2) != 0, (way & 4) != 0, (way & 8) != 0, 1, 4, 3);
        }
    }

    private void check(boolean transposeA, boolean transposeB, boolean adds, boolean cBf16, int m, int n, int k) {
        try (Arena arena = Arena.ofConfined()) {
            float[] a = numbers(m * k);
            float[] b = numbers(k * n);
            float[] c = numbers(m * n);
            MemorySegment result = stored(arena, c, cBf16);
            Product product = new Product(
                    stored(arena, a, true).address(),
                    transposeA,
                    stored(arena, b, true).address(),
                    transposeB,
                    2,
                    adds ? 1 : 0,
                    result.address(),
                    cBf16,
                    m,
                    n,
                    k);
            assertThat(products.multiply(product, WORKSPACE, STREAM)).isTrue();
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = adds ? c[i * n + j] : 0;
                    for (int l = 0; l < k; l++) {
                        sum += 2.0 * a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j];
                    }
                    assertThat((double) read(result, i * n + j, cBf16))
                            .isCloseTo(sum, within(0.02 + Math.abs(sum) / 128));
                }
            }
        }
    }

    /** Numbers that BF16 holds. */
    private float[] numbers(int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (random.nextInt(33) - 16) / 16f;
        }
        return values;
    }

    private static MemorySegment stored(Arena arena, float[] values, boolean bf16) {
        MemorySegment memory = arena.allocate((long) values.length * (bf16 ? 2 : 4), 256);
        for (int i = 0; i < values.length; i++) {
            if (bf16) {
                memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(values[i]) >>> 16));
            } else {
                memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
            }
        }
        return memory;
    }

    private static float read(MemorySegment memory, int i, boolean bf16) {
        return bf16
                ? Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16)
                : memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    private static Product ofColumns(Arena arena, int n) {
        long any = arena.allocate(4096, 256).address();
        return new Product(any, false, any, false, 1, 0, any, false, 2, n, 2);
    }

    @Test
    void saysSoWhereTheLibraryKnowsNoWay() {
        try (Arena arena = Arena.ofConfined()) {
            assertThat(products.multiply(ofColumns(arena, 13), WORKSPACE, STREAM))
                    .isFalse();
        }
    }

    @Test
    void aProductThatFailsIsNamedWithItsStatus() {
        try (Arena arena = Arena.ofConfined()) {
            assertThatThrownBy(() -> products.multiply(ofColumns(arena, 17), WORKSPACE, STREAM))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("cuBLASLt refused cublasLtMatmul with its status 13.");
        }
    }

    @Test
    void aLibraryThatLacksAFunctionIsRefused() {
        assertThatThrownBy(() -> new CublasLt(name -> Optional.empty()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("has no cublasLtMatmul");
    }

    @Test
    void theSettingIsTheOnlyPlaceToLookAtWhereThereIsOne() {
        assertThat(found(library.toString())).isPresent();
        assertThat(found("")).isEmpty();
        assertThat(found(folder.resolve("nowhere.so").toString())).isEmpty();
    }

    @Test
    void findsTheLibraryOfAPythonPackage() throws IOException {
        Path packages = folder.resolve("env/lib/python3.12/site-packages/nvidia/cu13/lib");
        Files.createDirectories(packages);
        Files.copy(library, packages.resolve("libcublasLt.so.13"));
        assertThat(new CublasLtFinder(
                                Map.of("VIRTUAL_ENV", folder.resolve("env").toString()))
                        .find())
                .isPresent();
    }
}
