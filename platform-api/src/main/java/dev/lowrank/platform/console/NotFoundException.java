package dev.lowrank.platform.console;

/** There is nothing of that name in the project of whoever asks. */
final class NotFoundException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** @param what a sentence for the person who asked */
    NotFoundException(String what) {
        super(what);
    }
}
