package dev.lowrank.engine;

/**
 * Something a user gave us (a spec, a dataset line, a model folder, an adapter) cannot be used. The message is one clear
 * sentence with the place and the remedy, fit to be shown as it is: what it quotes is made to
 * fit on one line.
 */
public class InputException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    private static final int LONGEST = 560;

    public InputException(String message) {
        super(OneLine.of(message, LONGEST));
    }

    public InputException(String message, Throwable cause) {
        super(OneLine.of(message, LONGEST), cause);
    }
}
