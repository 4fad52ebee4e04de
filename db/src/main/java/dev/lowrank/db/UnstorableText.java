package dev.lowrank.db;

import java.sql.SQLException;
import org.springframework.dao.DataIntegrityViolationException;

/** A text that PostgreSQL has no room for, such as one with a NUL: the fault of who sent it, not of the database. */
public final class UnstorableText {
    /** SQLSTATE class 22: data exception. */
    private static final String DATA_EXCEPTION = "22";

    private UnstorableText() {}

    /** Whether that is why a statement was refused. */
    public static boolean causes(DataIntegrityViolationException refusal) {
        return refusal.getRootCause() instanceof SQLException cause
                && String.valueOf(cause.getSQLState()).startsWith(DATA_EXCEPTION);
    }
}
