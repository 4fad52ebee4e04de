package dev.lowrank.local.demo;

/** The API answered with an error; the message is the API's own sentence. */
public final class ApiFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ApiFailure(String sentence) {
        super(sentence);
    }
}
