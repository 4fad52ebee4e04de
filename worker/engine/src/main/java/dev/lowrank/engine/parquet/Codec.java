package dev.lowrank.engine.parquet;

import io.airlift.compress.v3.Decompressor;
import io.airlift.compress.v3.MalformedInputException;
import io.airlift.compress.v3.lz4.Lz4JavaDecompressor;
import io.airlift.compress.v3.snappy.SnappyJavaDecompressor;
import io.airlift.compress.v3.zstd.ZstdJavaDecompressor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** Decompresses pages; the size is known before, and checked by who calls. */
final class Codec {
    private static final List<String> NAMES =
            List.of("none", "Snappy", "gzip", "LZO", "Brotli", "LZ4 (Hadoop's)", "Zstandard", "LZ4");

    private Codec() {}

    /** Bytes {@code from} to {@code end} as exactly {@code size} bytes. */
    static byte[] decompress(int codec, byte[] bytes, int from, int end, int size) {
        byte[] out = new byte[size];
        if (size == 0) {
            return out;
        }
        int got;
        try {
            got = switch (codec) {
                case 0 -> copy(bytes, from, end, out);
                case 1 -> java(new SnappyJavaDecompressor(), bytes, from, end, out);
                case 2 -> gunzip(bytes, from, end, out);
                case 6 -> java(new ZstdJavaDecompressor(), bytes, from, end, out);
                case 7 -> java(new Lz4JavaDecompressor(), bytes, from, end, out);
                default -> throw unknown(codec);
            };
        } catch (IOException | MalformedInputException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw ParquetException.damaged("a page cannot be decompressed");
        }
        if (got != size) {
            throw ParquetException.damaged("a page has %d bytes, not %d".formatted(got, size));
        }
        return out;
    }

    private static ParquetException unknown(int codec) {
        return new ParquetException(
                "The columns are compressed with %s, which is not read here; write the file with Zstandard or Snappy."
                        .formatted(codec < NAMES.size() ? NAMES.get(codec) : "codec " + codec));
    }

    private static int copy(byte[] bytes, int from, int end, byte[] out) {
        int length = Math.min(end - from, out.length);
        System.arraycopy(bytes, from, out, 0, length);
        return end - from;
    }

    private static int java(Decompressor decompressor, byte[] bytes, int from, int end, byte[] out) {
        return decompressor.decompress(bytes, from, end - from, out, 0, out.length);
    }

    private static int gunzip(byte[] bytes, int from, int end, byte[] out) throws IOException {
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(bytes, from, end - from))) {
            int got = in.readNBytes(out, 0, out.length);
            return in.read() < 0 ? got : got + 1;
        }
    }
}
