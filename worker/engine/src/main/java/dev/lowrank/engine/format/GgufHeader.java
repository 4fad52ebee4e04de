package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Reads what stands before the data of a GGUF file; every count is held against the bytes that are left. */
final class GgufHeader {
    private static final int MOST_TENSORS = 100_000;
    private static final int MOST_KEYS = 10_000;
    private static final int LONGEST_KEY = 512;
    private static final int LONGEST_TEXT = 16 << 20;
    private static final int LONGEST_LIST = 16 << 20;
    /** Of all lists and texts together, for each is held as an object. */
    private static final long MOST_HELD = 256L << 20;

    private static final int LEAST_BYTES_OF_A_KEY = 8 + 1 + 4 + 1;
    private static final int LEAST_BYTES_OF_A_TENSOR = 8 + 1 + 4 + 8 + 4 + 8;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final MemorySegment bytes;
    private final Map<String, GgufValue> metadata = new LinkedHashMap<>();
    private final Map<String, GgufTensor> tensors = new LinkedHashMap<>();
    private long position;
    private long held;
    private int alignment = GgufWriter.ALIGNMENT;

    private GgufHeader(Path file, MemorySegment bytes) {
        this.file = file;
        this.bytes = bytes;
    }

    /** @throws InputException if anything in it is not sound, data included */
    static GgufHeader parse(Path file, MemorySegment bytes) {
        GgufHeader header = new GgufHeader(file, bytes);
        header.parse();
        return header;
    }

    Map<String, GgufValue> metadata() {
        return metadata;
    }

    Map<String, GgufTensor> tensors() {
        return tensors;
    }

    /** Where the data starts in the file. */
    long dataStart() {
        return position;
    }

    private void parse() {
        if (bytes.byteSize() < 24 || !startsWithMagic()) {
            throw refuse("is not a GGUF file; name a file that llama.cpp would open");
        }
        position = 4;
        long version = u32();
        if (version != GgufWriter.VERSION) {
            throw refuse(
                    "has GGUF version %d (or another byte order), but only version 3, little-endian, is read; convert it again"
                            .formatted(version));
        }
        long tensorCount = count("tensors", MOST_TENSORS, LEAST_BYTES_OF_A_TENSOR);
        long keyCount = count("keys", MOST_KEYS, LEAST_BYTES_OF_A_KEY);
        for (long i = 0; i < keyCount; i++) {
            readKey();
        }
        readAlignment();
        long end = 0;
        for (long i = 0; i < tensorCount; i++) {
            end = readTensor(end);
        }
        position = Math.ceilDiv(position, (long) alignment) * alignment;
        checkEnd(end);
    }

    private boolean startsWithMagic() {
        for (int i = 0; i < GgufWriter.MAGIC.length; i++) {
            if (bytes.get(ValueLayout.JAVA_BYTE, i) != GgufWriter.MAGIC[i]) {
                return false;
            }
        }
        return true;
    }

    private void readKey() {
        String key = text(LONGEST_KEY);
        long code = u32();
        GgufKind kind = GgufKind.ofCode(code);
        if (kind == null) {
            throw refuse("gives key %s the unknown kind %d; it is damaged or newer than this version"
                    .formatted(Refusal.quoted(key), code));
        }
        if (key.isEmpty() || metadata.putIfAbsent(key, value(kind)) != null) {
            throw refuse("has the key %s twice or without a name; convert it again".formatted(Refusal.quoted(key)));
        }
    }

    private GgufValue value(GgufKind kind) {
        return switch (kind) {
            case TEXT -> new GgufValue.Text(text(LONGEST_TEXT));
            case BOOL -> new GgufValue.Flag(flag());
            case F32, F64 -> new GgufValue.Real(kind, real(kind));
            case LIST -> list();
            default -> new GgufValue.Whole(kind, whole(kind));
        };
    }

    private GgufValue list() {
        long code = u32();
        GgufKind element = GgufKind.ofCode(code);
        if (element == null || element == GgufKind.LIST) {
            throw refuse("holds a list of kind %d, which is not read; convert it again".formatted(code));
        }
        int length = (int) count("elements of a list", LONGEST_LIST, element.bytes());
        hold(16L * length);
        return switch (element) {
            case TEXT -> new GgufValue.Texts(repeat(length, () -> text(LONGEST_TEXT)));
            case BOOL -> new GgufValue.Flags(repeat(length, this::flag));
            case F32, F64 -> new GgufValue.Reals(element, repeat(length, () -> real(element)));
            default -> new GgufValue.Wholes(element, repeat(length, () -> whole(element)));
        };
    }

    private static <T> List<T> repeat(int length, Supplier<T> read) {
        List<T> values = new ArrayList<>(length);
        for (int i = 0; i < length; i++) {
            values.add(read.get());
        }
        return values;
    }

    private void readAlignment() {
        GgufValue value = metadata.get("general.alignment");
        if (value == null) {
            return;
        }
        if (!(value instanceof GgufValue.Whole(GgufKind kind, long number))
                || kind != GgufKind.U32
                || number < 1
                || number > 1 << 20
                || Long.bitCount(number) != 1) {
            throw refuse("has a general.alignment that is no power of two up to 2^20; convert it again");
        }
        alignment = (int) number;
    }

    /** @return where the next tensor must begin */
    private long readTensor(long begin) {
        String name = text(GgufWriter.LONGEST_NAME);
        long axes = u32();
        if (name.isEmpty() || axes < 1 || axes > GgufWriter.MOST_AXES) {
            throw refuse("gives tensor %s %d axes, but one to four belong there; convert it again"
                    .formatted(Refusal.quoted(name), axes));
        }
        long[] shape = new long[(int) axes];
        for (int i = shape.length - 1; i >= 0; i--) {
            shape[i] = u64();
        }
        long code = u32();
        GgufType type = GgufType.ofCode(code);
        if (type == null) {
            throw refuse(
                    "stores tensor %s as type %d, but only F32, F16, BF16 and Q8_0 are read; take a copy in one of them"
                            .formatted(Refusal.quoted(name), code));
        }
        long offset = u64();
        long size = bytesOf(name, type, shape);
        if (offset != begin) {
            throw refuse("places tensor %s at byte %s where byte %d belongs; convert it again"
                    .formatted(Refusal.quoted(name), Long.toUnsignedString(offset), begin));
        }
        if (tensors.putIfAbsent(name, GgufTensor.of(name, type, shape, offset)) != null) {
            throw refuse("has two tensors named %s; convert it again".formatted(Refusal.quoted(name)));
        }
        return alignedEnd(name, begin, size);
    }

    private long bytesOf(String name, GgufType type, long[] shape) {
        try {
            long rows = 1;
            for (int i = 0; i < shape.length - 1; i++) {
                rows = Math.multiplyExact(rows, shape[i]);
            }
            long columns = shape[shape.length - 1];
            boolean sound = columns > 0 && columns <= Integer.MAX_VALUE && columns % type.block() == 0;
            for (long extent : shape) {
                sound &= extent > 0;
            }
            if (sound) {
                return Math.multiplyExact(rows, type.rowBytes(columns));
            }
        } catch (ArithmeticException e) {
            // Larger than any file: the same refusal.
        }
        throw refuse("gives tensor %s of type %s the impossible shape %s; convert it again"
                .formatted(Refusal.quoted(name), type, Arrays.toString(shape)));
    }

    private long alignedEnd(String name, long begin, long size) {
        if (size > bytes.byteSize() - begin) {
            throw refuse("gives tensor %s %d bytes, more than the file has; it was cut short, so copy it again"
                    .formatted(Refusal.quoted(name), size));
        }
        return Math.ceilDiv(begin + size, (long) alignment) * alignment;
    }

    private void checkEnd(long end) {
        long there = bytes.byteSize() - position;
        if (there < end) {
            throw refuse("holds %d bytes of data where its tensors take %d; it was cut short, so copy it again"
                    .formatted(Math.max(0, there), end));
        }
    }

    private long count(String what, int most, int leastBytes) {
        long count = u64();
        if (count < 0 || count > most || count > (bytes.byteSize() - position) / leastBytes) {
            throw refuse("claims %s %s, more than it can hold or than is read; it is damaged, so copy it again"
                    .formatted(Long.toUnsignedString(count), what));
        }
        return count;
    }

    private String text(int longest) {
        long length = u64();
        if (length < 0 || length > longest || length > bytes.byteSize() - position) {
            throw refuse(
                    "claims a text of %s bytes at byte %d, more than it can hold or than is read; it is damaged, so copy it again"
                            .formatted(Long.toUnsignedString(length), position - 8));
        }
        hold(length);
        MemorySegment slice = bytes.asSlice(position, length);
        position += length;
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(slice.asByteBuffer())
                    .toString();
        } catch (CharacterCodingException e) {
            throw refuse("holds a text at byte %d that is not UTF-8; convert it again".formatted(position - length));
        }
    }

    private void hold(long more) {
        held += more;
        if (held > MOST_HELD) {
            throw refuse("holds more than %d MiB of metadata, more than is read; leave out what no model needs"
                    .formatted(MOST_HELD >> 20));
        }
    }

    private boolean flag() {
        long value = take(1);
        if (value > 1) {
            throw refuse("holds a flag that is neither 0 nor 1; convert it again");
        }
        return value == 1;
    }

    private double real(GgufKind kind) {
        return kind == GgufKind.F32 ? Float.intBitsToFloat((int) u32()) : Double.longBitsToDouble(u64());
    }

    private long whole(GgufKind kind) {
        long bits = take(kind.bytes());
        int unused = 64 - 8 * kind.bytes();
        return switch (kind) {
            case I8, I16, I32 -> bits << unused >> unused;
            default -> bits;
        };
    }

    private long u32() {
        return take(4);
    }

    private long u64() {
        return take(8);
    }

    private long take(int count) {
        if (bytes.byteSize() - position < count) {
            throw refuse("ends inside its header; it was cut short, so copy it again");
        }
        long value = switch (count) {
            case 1 -> bytes.get(ValueLayout.JAVA_BYTE, position) & 0xffL;
            case 2 ->
                bytes.get(ValueLayout.JAVA_BYTE, position) & 0xffL
                        | (bytes.get(ValueLayout.JAVA_BYTE, position + 1) & 0xffL) << 8;
            case 4 -> bytes.get(INT, position) & 0xffff_ffffL;
            default -> bytes.get(LONG, position);
        };
        position += count;
        return value;
    }

    private InputException refuse(String problem) {
        return Refusal.of(file, problem);
    }
}
