package dev.lowrank.engine;

/**
 * Something a user gave us (a spec, a dataset line, a model folder, an adapter) cannot be used. The message is one clear
 * sentence with the place and the remedy, fit to be shown as it is.
 */
public class InputException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    public InputException(String message) {
        super(message);
    }

    public InputException(String message, Throwable cause) {
        super(message, cause);
    }
}
