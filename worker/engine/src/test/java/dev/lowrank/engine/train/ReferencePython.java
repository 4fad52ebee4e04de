package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs a program in the Python that has the reference implementations; without one, the test is skipped. */
final class ReferencePython {
    private ReferencePython() {}

    static void run(String program, Path... arguments) throws Exception {
        String python = System.getenv("LOWRANK_REFERENCE_PYTHON");
        assumeTrue(python != null, "no reference Python: LOWRANK_REFERENCE_PYTHON is not set");
        List<String> command = new ArrayList<>(List.of(python, "-W", "ignore", "-c", program));
        for (Path argument : arguments) {
            command.add(argument.toString());
        }
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        builder.environment().put("HF_HUB_OFFLINE", "1");
        builder.environment().put("TRANSFORMERS_VERBOSITY", "error");
        builder.environment().put("TQDM_DISABLE", "1");
        builder.environment().put("OMP_NUM_THREADS", "2");
        assertThat(builder.start().waitFor()).isZero();
    }
}
