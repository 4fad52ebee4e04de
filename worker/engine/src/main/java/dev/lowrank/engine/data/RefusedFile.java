package dev.lowrank.engine.data;

import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** A file that cannot be read at all: one row that says why. */
final class RefusedFile implements RowSource {
    private final InputStream in;
    private final FileKind kind;
    private final String reason;
    private boolean told;

    RefusedFile(InputStream in, String reason) {
        this(in, FileKind.JSON_LINES, reason);
    }

    RefusedFile(InputStream in, FileKind kind, String reason) {
        this.in = in;
        this.kind = kind;
        this.reason = reason;
    }

    @Override
    public FileKind kind() {
        return kind;
    }

    @Override
    public @Nullable RawRow next() {
        RawRow row = told ? null : RawRow.broken(1, reason);
        told = true;
        return row;
    }

    @Override
    public long lines() {
        return 1;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
