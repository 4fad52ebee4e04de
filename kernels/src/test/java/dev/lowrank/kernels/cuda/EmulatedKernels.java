package dev.lowrank.kernels.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.kernels.Kernels;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The CUDA kernels on the emulated device; where it cannot be built, tests are skipped and say why. */
public final class EmulatedKernels {
    /** Forwards and backwards. */
    static final int ORDERS = 2;

    /** More than any kernel takes, on a slow machine as well. */
    static final int SECONDS = 300;

    private EmulatedKernels() {}

    /** Each launch runs its blocks and threads in several orders, and fails where the results differ. */
    static Kernels open() {
        return open(ORDERS);
    }

    /** Each launch runs once. */
    public static Kernels openInOneOrder() {
        return open(1);
    }

    private static Kernels open(int orders) {
        assumeBuildable();
        return new CudaKernels(new EmulatedDriver(Built.PROGRAM, orders, SECONDS));
    }

    /** Skips the test that calls it where nothing can be built. */
    static void assumeBuildable() {
        assumeTrue(Compiler.REASON_AGAINST == null, Compiler.REASON_AGAINST);
    }

    /** Skips the test that calls it where nothing can be built with this compiler. */
    static void assumeBuildable(String compiler) {
        String reason = reasonAgainst(compiler);
        assumeTrue(reason == null, reason);
    }

    private static @Nullable String reasonAgainst(String compiler) {
        return EmulatedProgram.reasonAgainst(compiler)
                .map(reason -> "This was not run: %s.".formatted(reason))
                .orElse(null);
    }

    /** Asked once. */
    private static final class Compiler {
        static final @Nullable String REASON_AGAINST = reasonAgainst(EmulatedProgram.COMPILER);
    }

    /** Looked for, and built if need be, once. */
    private static final class Built {
        static final Path PROGRAM = program();

        private static Path program() {
            EmulatedProgram.Folders folders = EmulatedProgram.Folders.here();
            return EmulatedProgram.of(folders, folders.language()).path();
        }
    }
}
