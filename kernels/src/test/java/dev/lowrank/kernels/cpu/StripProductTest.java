package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

abstract class StripProductTest {
    private static final float UNTOUCHED = 77;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(5);
    private @Nullable StripProduct product;
    private long gap; // bytes between the blocks of B

    /** What is tested; the test is left out where the processor cannot do it. */
    abstract StripProduct make();

    @BeforeEach
    void makesAProduct() {
        product = make();
    }

    @AfterEach
    void close() {
        if (product != null) {
            product.close();
        }
        arena.close();
    }

    static IntStream rows() {
        return IntStream.of(1, 5, 16, 17, 31, 32, 33, 64, 100, 256);
    }

    static Stream<Arguments> shapes() {
        return rows().boxed()
                .flatMap(m -> IntStream.of(1, 16, 17, 32, 33, 64, 100)
                        .boxed()
                        .flatMap(n -> IntStream.of(6, 32, 75, 96, 608, 1536).mapToObj(k -> Arguments.of(m, n, k))));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void aProductIsWhatItsSumsAre(int m, int n, int k) {
        check(m, n, k, 0, false, false);
    }

    @ParameterizedTest
    @MethodSource("rows")
    void aProductIsAddedToWhatIsThere(int m) {
        check(m, 72, 96, 0, false, true);
        check(m, 72, 96, 0, true, true);
    }

    @ParameterizedTest
    @MethodSource("rows")
    void aResultOf16BitsIsRoundedOnce(int m) {
        check(m, 49, 608, 0, true, false);
        check(m, 32, 1536, 0, true, false);
    }

    @ParameterizedTest
    @ValueSource(ints = {2048, 2080, 4100})
    void longSumsAreRoundedOnce(int k) {
        check(40, 40, k, 0, true, false);
        check(40, 40, k, 16, true, true);
        check(40, 40, k, 16, false, true);
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 8, 16, 32, 64})
    void aTermIsPartOfTheSum(int rank) {
        check(100, 100, 608, rank, false, false);
        check(64, 64, 1536, rank, true, true);
        check(7, 9, 32, rank, true, false);
    }

    /** As where a product takes only some rows of a matrix that was packed whole. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5})
    void blocksOfTheRightFactorMayLieApart(int blocks) {
        gap = blocks * PackedMatrix.BLOCK_BYTES;
        check(64, 100, 96, 0, false, true);
        check(40, 64, 96, 0, true, false);
    }

    @ParameterizedTest
    @MethodSource("rows")
    void aProductIsAddedToWhatLiesElsewhere(int m) {
        for (int k : new int[] {96, 608, 2080}) {
            sameInPlaceAndElsewhere(m, 72, k, Short.BYTES);
            sameInPlaceAndElsewhere(m, 72, k, Float.BYTES);
        }
    }

    /** As where sums of fp32 end in 16 bits, or begin there. */
    @ParameterizedTest
    @MethodSource("rows")
    void whatIsAddedMayBeOfAnotherTypeWithRowsOfItsOwn(int m) {
        for (int k : new int[] {96, 608, 2080}) {
            sameFromOther(m, 72, k, true);
            sameFromOther(m, 72, k, false);
        }
    }

    private void sameFromOther(int m, int n, int k, boolean half) {
        StripProduct.Factors f = factors(random(m, k, k), k, random(k, n, n), k, n);
        MemorySegment base = arena.allocate(m * (n + 5L) * Float.BYTES, 64);
        MemorySegment like = arena.allocate(m * (long) n * Float.BYTES, 64);
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                float value = random.nextInt(100) * 0.25f; // the same in both types
                set(base, !half, i * (n + 5L) + j, value);
                set(like, half, i * (long) n + j, value);
            }
        }
        StripProduct tested = Objects.requireNonNull(product);
        MemorySegment from = arena.allocate(like.byteSize(), 64);
        tested.run(
                m,
                n,
                f,
                null,
                new StripProduct.Target(from.address(), n, half),
                new StripProduct.Target(base.address(), n + 5, !half));
        tested.run(m, n, f, null, new StripProduct.Target(like.address(), n, half), true);
        long size = (long) m * n * (half ? Short.BYTES : Float.BYTES);
        assertThat(from.asSlice(0, size).mismatch(like.asSlice(0, size))).isEqualTo(-1);
    }

    private void sameInPlaceAndElsewhere(int m, int n, int k, int bytes) {
        StripProduct.Factors f = factors(random(m, k, k), k, random(k, n, n), k, n);
        MemorySegment base = random(m, 2 * n, 2 * n);
        MemorySegment kept = arena.allocate(base.byteSize(), 64).copyFrom(base);
        MemorySegment inPlace = arena.allocate(base.byteSize(), 64).copyFrom(base);
        MemorySegment elsewhere = arena.allocate(base.byteSize(), 64);
        boolean half = bytes == Short.BYTES;
        StripProduct.Target target = new StripProduct.Target(elsewhere.address(), n, half);
        StripProduct tested = Objects.requireNonNull(product);
        tested.run(m, n, f, null, new StripProduct.Target(inPlace.address(), n, half), true);
        tested.run(m, n, f, null, target, new StripProduct.Target(base.address(), n, half));
        long size = (long) m * n * bytes;
        assertThat(elsewhere.asSlice(0, size).mismatch(inPlace.asSlice(0, size)))
                .isEqualTo(-1);
        assertThat(base.mismatch(kept)).isEqualTo(-1);
    }

    private void check(int m, int n, int k, int rank, boolean half, boolean accumulate) {
        int strideA = k + 64;
        int strideC = n + 3;
        MemorySegment a = random(m, k, strideA);
        MemorySegment b = random(k, n, n);
        MemorySegment a2 = random(m, Math.max(1, rank), Math.max(1, rank));
        MemorySegment b2 = random(Math.max(1, rank), n, n);
        int bytes = half ? Short.BYTES : Float.BYTES;
        MemorySegment c = arena.allocate((long) (m + 1) * strideC * bytes, 64);
        for (long i = 0; i < (long) (m + 1) * strideC; i++) {
            set(c, half, i, UNTOUCHED);
        }
        StripProduct.Factors f = factors(a, strideA, b, k, n);
        StripProduct.Factors term = rank == 0 ? null : factors(a2, rank, b2, rank, n);
        Objects.requireNonNull(product)
                .run(m, n, f, term, new StripProduct.Target(c.address(), strideC, half), accumulate);
        for (int i = 0; i <= m; i++) {
            for (int j = 0; j < strideC; j++) {
                float actual = get(c, half, (long) i * strideC + j);
                if (i == m || j >= n) {
                    assertThat(actual).as("behind C at %d, %d", i, j).isEqualTo(UNTOUCHED);
                    continue;
                }
                double sum = accumulate ? UNTOUCHED : 0;
                for (int x = 0; x < k; x++) {
                    sum += (double) half(a, (long) i * strideA + x) * half(b, (long) x * n + j);
                }
                for (int x = 0; x < rank; x++) {
                    sum += (double) half(a2, (long) i * rank + x) * half(b2, (long) x * n + j);
                }
                double slack = half ? Math.abs(sum) / 256 + roundings(term != null) : 1e-5 * (Math.abs(sum) + 1);
                assertThat((double) actual).as("C at %d, %d", i, j).isCloseTo(sum, within(slack));
            }
        }
    }

    /** What a rounding of C before the term is added may make, where the product cannot add both first. */
    double roundings(boolean term) {
        return 1e-5;
    }

    private StripProduct.Factors factors(MemorySegment a, int stride, MemorySegment b, int k, int n) {
        MemorySegment memory = arena.allocate(PackedMatrix.bytes(k, n), 64);
        PackedMatrix packed = new PackedMatrix(memory, k, n, k);
        packed.fill(b, n, false, 0, PackedMatrix.blocks(n));
        long pitch = PackedMatrix.bytes(k, PackedMatrix.BLOCK);
        MemorySegment apart = arena.allocate(PackedMatrix.blocks(n) * (pitch + gap), 64);
        apart.fill((byte) 0xFF); // NaN
        for (int j = 0; j < PackedMatrix.blocks(n); j++) {
            MemorySegment.copy(memory, j * pitch, apart, j * (pitch + gap), pitch);
        }
        return new StripProduct.Factors(a.address(), stride, apart.address(), pitch + gap, k);
    }

    private MemorySegment random(int rows, int columns, int stride) {
        MemorySegment memory = arena.allocate((long) rows * stride * Short.BYTES, 64);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < stride; j++) {
                float value = j < columns ? random.nextFloat() - 0.5f : Float.NaN; // never to be read
                set(memory, true, (long) i * stride + j, value);
            }
        }
        return memory;
    }

    private static float half(MemorySegment memory, long at) {
        return get(memory, true, at);
    }

    private static float get(MemorySegment memory, boolean half, long at) {
        return half ? Float.intBitsToFloat(memory.getAtIndex(JAVA_SHORT, at) << 16) : memory.getAtIndex(JAVA_FLOAT, at);
    }

    private static void set(MemorySegment memory, boolean half, long at, float value) {
        if (half) {
            memory.setAtIndex(JAVA_SHORT, at, (short) (Float.floatToRawIntBits(value) >>> 16));
        } else {
            memory.setAtIndex(JAVA_FLOAT, at, value);
        }
    }
}
