package dev.lowrank.db.blob;

import java.io.IOException;

/** More bytes came than the caller allowed; nothing was kept. */
public final class BlobTooLargeException extends IOException {
    private static final long serialVersionUID = 1;

    private final long limit;

    BlobTooLargeException(long limit) {
        super("The content is larger than the limit of " + limit + " bytes.");
        this.limit = limit;
    }

    /** Bytes that were allowed. */
    public long limit() {
        return limit;
    }
}
