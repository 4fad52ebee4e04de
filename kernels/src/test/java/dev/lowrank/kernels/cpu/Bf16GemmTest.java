package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.cpu.Bf16Gemm.Form;
import dev.lowrank.kernels.cpu.Bf16Gemm.Right;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class Bf16GemmTest {
    private final Random random = new Random(5);

    @BeforeEach
    void needsInstructions() {
        assumeTrue(OneDnn.multipliesBf16(), "no BF16 instructions here");
        OneDnn.stayOnThisThread();
    }

    @Test
    void multipliesEveryWayMatricesAreStored() {
        try (Bf16Gemm gemm = new Bf16Gemm()) {
            for (int[] size : new int[][] {{1, 1, 1}, {5, 33, 7}, {64, 64, 96}, {13, 200, 65}}) {
                for (Right right : Right.values()) {
                    for (boolean transposeA : new boolean[] {false, true}) {
                        for (DType result : new DType[] {DType.F32, DType.BF16}) {
                            check(gemm, size[0], size[1], size[2], transposeA, right, result, false);
                            check(gemm, size[0], size[1], size[2], transposeA, right, result, true);
                        }
                    }
                }
            }
        }
    }

    @Test
    void makesEachFormOnce() {
        try (Bf16Gemm gemm = new Bf16Gemm()) {
            Form form = new Form(3, 4, 5, false, 4, Right.ROWS, 5, DType.F32, 5, false);
            Bf16Gemm.Product product = gemm.product(form);
            assertThat(gemm.product(new Form(3, 4, 5, false, 4, Right.ROWS, 5, DType.F32, 5, false)))
                    .isSameAs(product);
            assertThat(gemm.size()).isEqualTo(1);
            gemm.product(new Form(3, 4, 5, false, 4, Right.ROWS, 5, DType.F32, 5, true));
            assertThat(gemm.size()).isEqualTo(2);
        }
    }

    private void check(
            Bf16Gemm gemm, int m, int k, int n, boolean transposeA, Right right, DType result, boolean accumulate) {
        int lda = (transposeA ? m : k) + 3;
        int ldb = (right == Right.TRANSPOSED ? k : n) + 1;
        int ldc = n + 2;
        float[][] a = values(m, k);
        float[][] b = values(k, n);
        float[][] c = values(m, n);
        try (Arena arena = Arena.ofConfined()) {
            Floats storedA = half(arena, (long) lda * (transposeA ? k : m));
            Floats storedB = half(arena, ((k + 63L) & -64) * ((n + 63L) & -64) + (long) ldb * Math.max(k, n));
            Floats storedC = result == DType.BF16 ? half(arena, (long) ldc * m) : single(arena, (long) ldc * m);
            for (int i = 0; i < m; i++) {
                for (int p = 0; p < k; p++) {
                    storedA.set(transposeA ? (long) p * lda + i : (long) i * lda + p, a[i][p]);
                }
                for (int j = 0; j < n; j++) {
                    storedC.set((long) i * ldc + j, c[i][j]);
                }
            }
            for (int p = 0; p < k; p++) {
                for (int j = 0; j < n; j++) {
                    storedB.set(place(right, p, j, k, ldb), b[p][j]);
                }
            }
            gemm.product(new Form(m, k, n, transposeA, lda, right, ldb, result, ldc, accumulate))
                    .run(
                            storedA.data().address(),
                            storedB.data().address(),
                            storedC.data().address());
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = accumulate ? c[i][j] : 0;
                    double size = Math.abs(sum);
                    for (int p = 0; p < k; p++) {
                        sum += (double) a[i][p] * b[p][j];
                        size += Math.abs((double) a[i][p] * b[p][j]);
                    }
                    double rounding = result == DType.BF16 ? 0x1p-8 : 0x1p-22;
                    assertThat((double) storedC.get((long) i * ldc + j))
                            .as("%d x %d x %d, %s, %s, %s", m, k, n, transposeA, right, result)
                            .isCloseTo(sum, within(rounding * (size + 1e-3)));
                }
            }
        }
    }

    private static long place(Right right, int p, int j, int k, int ldb) {
        return switch (right) {
            case ROWS -> (long) p * ldb + j;
            case TRANSPOSED -> (long) j * ldb + p;
            case PACKED -> packed(p, j, k, 32);
            case PACKED_64 -> packed(p, j, k, 64);
        };
    }

    private static long packed(int p, int j, int k, int wide) {
        return (((long) j / wide * ((k + 31) / 32) + p / 32) * 16 + p / 2 % 16) * wide * 2 + j % wide * 2L + p % 2;
    }

    /** Numbers that BF16 holds exactly. */
    private float[][] values(int rows, int columns) {
        float[][] values = new float[rows][columns];
        for (float[] row : values) {
            for (int i = 0; i < columns; i++) {
                row[i] = (random.nextInt(257) - 128) / 64f;
            }
        }
        return values;
    }

    private static Floats half(Arena arena, long size) {
        return new Floats(arena.allocate(ValueLayout.JAVA_SHORT, size), true);
    }

    private static Floats single(Arena arena, long size) {
        return new Floats(arena.allocate(ValueLayout.JAVA_FLOAT, size), false);
    }
}
