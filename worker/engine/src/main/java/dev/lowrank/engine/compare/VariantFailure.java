package dev.lowrank.engine.compare;

/** A variant could not be trained or judged; the others go on. */
final class VariantFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    VariantFailure(String message) {
        super(message);
    }
}
