package dev.lowrank.node;

import org.springframework.dao.DataAccessException;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.dao.InvalidDataAccessApiUsageException;
import org.springframework.dao.InvalidDataAccessResourceUsageException;
import org.springframework.transaction.TransactionException;

/** Tells a database that is away, which passes, from a statement it refuses, which does not. */
final class Outage {
    private Outage() {}

    static boolean is(Throwable failure) {
        return switch (failure) {
            case DataIntegrityViolationException e -> false;
            case InvalidDataAccessResourceUsageException e -> false;
            case InvalidDataAccessApiUsageException e -> false;
            case DataAccessException e -> true;
            case TransactionException e -> true;
            default -> false;
        };
    }
}
