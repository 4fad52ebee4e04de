package dev.lowrank.engine.parquet;

/** A Parquet file that cannot be read; the message is one sentence with the remedy. */
public class ParquetException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ParquetException(String sentence) {
        super(sentence, null, false, false);
    }

    /** The file says something that cannot be so. */
    static ParquetException damaged(String what) {
        return new ParquetException("The Parquet file is damaged (%s); write or copy it again.".formatted(what));
    }
}
