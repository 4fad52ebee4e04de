package dev.lowrank.engine.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class PageNumbersTest {
    @Test
    void runsOfOneValueAndOfPackedBitsAreRead() {
        // Three times 4; then eight numbers of three bits, 0 to 7, packed as the format's own example has them.
        RunReader runs = new RunReader(bytes(3 << 1, 4, 1 << 1 | 1, 0x88, 0xC6, 0xFA), 3);
        int[] read = new int[11];
        for (int i = 0; i < read.length; i++) {
            read[i] = runs.next();
        }
        assertThat(read).containsExactly(4, 4, 4, 0, 1, 2, 3, 4, 5, 6, 7);
        assertThatThrownBy(runs::next).isInstanceOf(ParquetException.class).hasMessageContaining("ends early");
    }

    @Test
    void endlessRunsCostNothingUntilTheyAreRead() {
        RunReader packed = new RunReader(bytes(0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1), 8);
        assertThat(packed.next()).isEqualTo(1);
        assertThatThrownBy(packed::next).isInstanceOf(ParquetException.class);
    }

    @Test
    void differencesAreReadAsTheFormatsExampleHasThem() {
        // 7, 5, 3, 1, 2, 3, 4, 5: least difference -2, then two bits each, in the first of four parts of 32.
        DeltaReader numbers = new DeltaReader(bytes(0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xC0, 0x3F, 0, 0, 0, 0, 0, 0), 8);
        long[] read = new long[8];
        for (int i = 0; i < read.length; i++) {
            read[i] = numbers.next();
        }
        assertThat(read).containsExactly(7, 5, 3, 1, 2, 3, 4, 5);
    }

    @Test
    void moreDifferencesThanThePageHasEntriesAreRefused() {
        assertThatThrownBy(() -> new DeltaReader(bytes(0x80, 1, 4, 0xFF, 0xFF, 0xFF, 0x7F, 2), 10))
                .hasMessageContaining("has 268435455 values, not 10");
        assertThatThrownBy(() -> new DeltaReader(bytes(0x80, 0x80, 0x80, 0x80, 1, 1, 1, 2), 10))
                .hasMessageContaining("blocks of");
    }

    @Test
    void compressedPagesMustHaveTheSizeThatIsSaid() {
        byte[] snappy = {4, 12, 1, 2, 3, 4};
        assertThat(Codec.decompress(1, snappy, 0, 6, 4)).containsExactly(1, 2, 3, 4);
        assertThatThrownBy(() -> Codec.decompress(1, snappy, 0, 6, 5)).isInstanceOf(ParquetException.class);
        assertThatThrownBy(() -> Codec.decompress(1, snappy, 0, 6, 3)).isInstanceOf(ParquetException.class);
        assertThatThrownBy(() -> Codec.decompress(0, snappy, 0, 6, 3)).hasMessageContaining("has 6 bytes, not 3");
        assertThatThrownBy(() -> Codec.decompress(4, snappy, 0, 6, 4))
                .hasMessage(
                        "The columns are compressed with Brotli, which is not read here; write the file with Zstandard or Snappy.");
    }

    @Test
    void whatAFileMayUnfoldToIsBounded() {
        Bounds bounds = new Bounds(1_000);
        bounds.entries(100_000_000);
        assertThatThrownBy(() -> bounds.entries(100_000_000))
                .hasMessageStartingWith("The Parquet file unfolds to more than 1073941824 bytes");
    }

    @Test
    void rowsAndPagesHeldAreBounded() {
        Bounds bounds = new Bounds(1_000);
        bounds.startRow();
        bounds.value(Bounds.ROW);
        assertThatThrownBy(() -> bounds.value(1)).hasMessageStartingWith("The row holds more than 16777216 bytes");
        bounds.startRow();
        bounds.value(1);
        assertThatThrownBy(() -> {
                    for (int i = 0; i < 9; i++) {
                        bounds.hold(Bounds.PAGE);
                    }
                })
                .hasMessageContaining("need more than 536870912 bytes at once");
    }

    private static Bytes bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return new Bytes(bytes, 0, bytes.length);
    }
}
