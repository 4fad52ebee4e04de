package dev.lowrank.engine.bench;

import java.util.Locale;

/** The parts of an optimizer step, told from the operations that begin them. */
enum Phase {
    FORWARD,
    /** Where forward and backward meet: one operation does both. */
    LOSS,
    BACKWARD,
    /** Clipping and the optimizer. */
    UPDATE;

    /** The phase in which an operation runs that comes next. */
    Phase next(String operation) {
        return switch (operation) {
            // A micro-batch begins with its labels and its tokens.
            case "upload", "embedding" -> FORWARD;
            case "linearCrossEntropy" -> LOSS;
            case "sumOfSquares", "adamW", "adamW8bit" -> UPDATE;
            default -> this == LOSS ? BACKWARD : this;
        };
    }

    String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
