package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.bench.BenchOptions;
import java.util.Objects;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** What a step on random rows is like, for {@code bench} and {@code estimate}. */
final class StepOptions {
    @Option(names = "--method", paramLabel = "M", description = "lora (default), qlora or full.")
    private String method = "lora";

    @Option(names = "--dtype", paramLabel = "T", description = "Of products: auto (default), float32 or bfloat16.")
    private String dtype = "auto";

    @Option(names = "--batch", paramLabel = "N", description = "Rows of a step (4).")
    private int batch = 4;

    @Option(names = "--length", paramLabel = "N", description = "Tokens of a row (512).")
    private int length = 512;

    @Option(
            names = "--rank",
            paramLabel = "N",
            description = "Of the adapter, on all linear layers, alpha twice as much (16).")
    private int rank = 16;

    @Mixin
    private DeviceOptions device = new DeviceOptions();

    @Option(names = "--seed", paramLabel = "N", description = "Of weights, adapter and tokens (0).")
    private int seed;

    @Option(
            names = "--checkpointing",
            paramLabel = "C",
            description = "none, per-layer, or auto (default): only where memory is short.")
    private String checkpointing = "auto";

    BenchOptions of(String shape, int steps, int warmup, boolean profile, CommandSpec command) {
        try {
            return new BenchOptions(
                    shape,
                    BenchOptions.method(method),
                    BenchOptions.compute(dtype),
                    BenchOptions.checkpointing(checkpointing),
                    batch,
                    length,
                    rank,
                    steps,
                    warmup,
                    device.device(),
                    device.threads(),
                    seed,
                    profile);
        } catch (InputException e) {
            throw new ParameterException(command.commandLine(), Objects.requireNonNull(e.getMessage()));
        }
    }

    DeviceOptions device() {
        return device;
    }
}
