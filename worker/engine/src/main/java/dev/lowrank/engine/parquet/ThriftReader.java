package dev.lowrank.engine.parquet;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads Thrift's compact protocol out of bytes; every value read costs at least one of them. */
final class ThriftReader {
    private static final int DEEPEST = 32;
    private static final int MOST_VALUES = 2_000_000;

    private final byte[] bytes;
    private final int end;
    private int at;
    private int values;

    /** The bytes end inside of a value. */
    static final class Short extends ParquetException {
        private static final long serialVersionUID = 1;

        Short() {
            super("The Parquet file is damaged (a description ends early); write or copy it again.");
        }
    }

    ThriftReader(byte[] bytes, int from, int end) {
        this.bytes = bytes;
        this.at = from;
        this.end = end;
    }

    /** How far it has read. */
    int position() {
        return at;
    }

    ThriftStruct struct() {
        return struct(0);
    }

    private ThriftStruct struct(int depth) {
        if (depth > DEEPEST) {
            throw ParquetException.damaged("its description nests too deep");
        }
        ThriftStruct struct = new ThriftStruct();
        int id = 0;
        for (int head = next(); head != 0; head = next()) {
            int step = head >>> 4;
            id = step == 0 ? (int) zigzag() : id + step;
            int type = head & 15;
            struct.put(id, type <= 2 ? (Object) (type == 1) : value(type, depth));
        }
        return struct;
    }

    private Object value(int type, int depth) {
        values++;
        if (values > MOST_VALUES) {
            throw ParquetException.damaged("its description holds too many values");
        }
        return switch (type) {
            case 1, 2 -> next() == 1;
            case 3 -> (long) (byte) next();
            case 4, 5, 6 -> zigzag();
            case 7 -> binary(8);
            case 8 -> binary(varint());
            case 9, 10 -> list(depth);
            case 11 -> map(depth);
            case 12 -> struct(depth + 1);
            case 13 -> binary(16);
            default -> throw ParquetException.damaged("its description holds a value of no known type");
        };
    }

    private List<Object> list(int depth) {
        if (depth > DEEPEST) {
            throw ParquetException.damaged("its description nests too deep");
        }
        int head = next();
        long size = head >>> 4 == 15 ? varint() : head >>> 4;
        List<Object> list = new ArrayList<>();
        for (long i = 0; i < size; i++) {
            list.add(value(head & 15, depth + 1));
        }
        return list;
    }

    private List<Object> map(int depth) {
        long size = varint();
        List<Object> list = new ArrayList<>();
        int types = size == 0 ? 0 : next();
        for (long i = 0; i < size; i++) {
            list.add(value(types >>> 4, depth + 1));
            list.add(value(types & 15, depth + 1));
        }
        return list;
    }

    private byte[] binary(long length) {
        if (length < 0 || length > end - at) {
            throw new Short();
        }
        byte[] value = Arrays.copyOfRange(bytes, at, at + (int) length);
        at += (int) length;
        return value;
    }

    private long zigzag() {
        long value = varint();
        return (value >>> 1) ^ -(value & 1);
    }

    private long varint() {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            int b = next();
            value |= (long) (b & 127) << shift;
            if (b < 128) {
                return value;
            }
        }
        throw ParquetException.damaged("a number is too long");
    }

    private int next() {
        if (at == end) {
            throw new Short();
        }
        int b = bytes[at] & 0xFF;
        at++;
        return b;
    }
}
