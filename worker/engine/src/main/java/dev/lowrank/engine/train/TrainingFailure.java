package dev.lowrank.engine.train;

/** Training cannot go on; the message is one sentence with the step, the cause and what to change. */
public final class TrainingFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String code;

    /** @param code a stable word for the cause, such as {@code loss_not_finite} */
    public TrainingFailure(String code, String message) {
        super(message);
        this.code = code;
    }

    public String code() {
        return code;
    }
}
