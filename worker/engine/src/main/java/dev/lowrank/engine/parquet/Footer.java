package dev.lowrank.engine.parquet;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The description at the end of a file: its columns, and where their pages lie. */
record Footer(SchemaNode root, List<Group> groups, long pagesEnd) {
    private static final int MAGIC = 4;

    /** A part of the rows, with the pages of each leaf column. */
    record Group(long rows, List<Chunk> chunks) {}

    /**
     * The pages of a leaf column in a group.
     *
     * @param start of the first page, dictionary or data
     * @param bytes of all pages
     * @param entries of all data pages, nulls and empty lists included
     */
    record Chunk(long start, long bytes, int codec, long entries) {}

    static Footer read(FileChannel file) throws IOException {
        long size = file.size();
        if (size < 2 * MAGIC + 4) {
            throw ParquetException.damaged("it is too short");
        }
        ByteBuffer tail = bytes(file, size - MAGIC - 4, MAGIC + 4);
        long length = Integer.toUnsignedLong(tail.getInt());
        String magic = StandardCharsets.ISO_8859_1.decode(tail).toString();
        if (magic.equals("PARE")) {
            throw new ParquetException("The Parquet file is encrypted; write it without encryption.");
        }
        if (!magic.equals("PAR1")) {
            throw new ParquetException("The Parquet file is cut off (it does not end with PAR1); copy it again.");
        }
        if (length > Bounds.FOOTER || length > size - 2 * MAGIC - 4) {
            throw ParquetException.damaged("its description has %d bytes".formatted(length));
        }
        long start = size - MAGIC - 4 - length;
        return read(bytes(file, start, (int) length).array(), start);
    }

    static ByteBuffer bytes(FileChannel file, long position, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (file.read(bytes, position + bytes.position()) < 0) {
                throw new EOFException("The file became shorter while it was read");
            }
        }
        return bytes.flip();
    }

    private static Footer read(byte[] description, long pagesEnd) {
        ThriftStruct meta = new ThriftReader(description, 0, description.length).struct();
        if (meta.has(8)) {
            throw new ParquetException("The Parquet file is encrypted; write it without encryption.");
        }
        SchemaNode root = SchemaNode.tree(meta.structs(2));
        List<Group> groups = new ArrayList<>();
        for (ThriftStruct group : meta.structs(4)) {
            groups.add(group(group, root.leaves(), pagesEnd));
        }
        return new Footer(root, groups, pagesEnd);
    }

    private static Group group(ThriftStruct group, int leaves, long pagesEnd) {
        List<Chunk> chunks = new ArrayList<>();
        for (ThriftStruct column : group.structs(1)) {
            if (column.has(8)) {
                throw new ParquetException("The Parquet file has encrypted columns; write it without encryption.");
            }
            if (column.has(1)) {
                throw new ParquetException("The Parquet file keeps columns in other files; write it as one file.");
            }
            chunks.add(chunk(column.required(3), pagesEnd));
        }
        long rows = group.number(3);
        if (chunks.size() != leaves || rows < 0) {
            throw ParquetException.damaged("a row group has other columns than the file");
        }
        return new Group(rows, chunks);
    }

    private static Chunk chunk(ThriftStruct meta, long pagesEnd) {
        long data = meta.number(9);
        long dictionary = meta.number(11, 0);
        long start = dictionary >= MAGIC && dictionary < data ? dictionary : data;
        long bytes = meta.number(7);
        long entries = meta.number(5);
        if (entries == 0) {
            return new Chunk(MAGIC, 0, 0, 0);
        }
        if (start < MAGIC || bytes < 0 || entries < 0 || start > pagesEnd || bytes > pagesEnd - start) {
            throw ParquetException.damaged("a column lies outside of the file");
        }
        return new Chunk(start, bytes, meta.number(4, 0, 99), entries);
    }
}
