package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lowrank.engine.InputException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What every refusal owes its reader. */
public final class Sentences {
    private Sentences() {}

    /** Runs the call, which must refuse in one clear sentence, and gives that sentence. */
    public static String refusal(ThrowingCallable call) {
        Throwable thrown = catchThrowable(call);
        assertThat(thrown).isInstanceOf(InputException.class);
        String message = thrown.getMessage();
        assertThat(message)
                .as("one sentence")
                .endsWith(".")
                .doesNotContain("\n")
                .doesNotContainPattern("\\.\\s")
                .hasSizeLessThan(600);
        assertThat(message).as("a remedy after a semicolon").contains(";");
        return message;
    }
}
