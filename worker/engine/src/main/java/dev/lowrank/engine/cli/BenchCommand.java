package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.bench.Bench;
import dev.lowrank.engine.bench.BenchJson;
import dev.lowrank.engine.bench.BenchOptions;
import dev.lowrank.engine.bench.BenchResult;
import dev.lowrank.engine.bench.BenchText;
import java.io.PrintStream;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code bench SHAPE}: how fast a step of training is here. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = {
            "Measures the steps of a real training run on random tokens: tokens per second, memory, share of the processor's peak.",
            "Weights are random and exist only in memory. Nothing else should run meanwhile."
        })
final class BenchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec command = CommandSpec.create();

    @Parameters(
            paramLabel = "SHAPE",
            description = "tiny-5m, smollm2-135m, smollm2-360m, qwen2.5-0.5b, llama3.2-1b, or a model's folder.")
    private String shape = "";

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

    @Option(names = "--steps", paramLabel = "N", description = "Steps to measure (5).")
    private int steps = 5;

    @Option(names = "--warmup", paramLabel = "N", description = "Steps before them (2).")
    private int warmup = 2;

    @Option(names = "--device", paramLabel = "D", description = "cpu.")
    private String device = "cpu";

    @Option(names = "--threads", paramLabel = "N", description = "Threads to compute with (default: all cores).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--seed", paramLabel = "N", description = "Of weights, adapter and tokens (0).")
    private int seed;

    @Option(
            names = "--checkpointing",
            paramLabel = "C",
            description = "none, per-layer, or auto (default): only where memory is short.")
    private String checkpointing = "auto";

    @Option(names = "--profile", description = "Show where the time goes, by operation.")
    private boolean profile;

    @Option(names = "--json", description = "Print one machine-readable line at the end.")
    private boolean json;

    @Override
    public Integer call() {
        BenchOptions options = options();
        PrintStream out = json ? System.err : System.out;
        BenchResult result = Bench.run(options, out::println);
        BenchText.lines(result).forEach(out::println);
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(BenchJson.of(result)));
        }
        return 0;
    }

    private BenchOptions options() {
        if (!device.equals("cpu")) {
            throw wrong("--device is \"%s\", but this build computes on the cpu only.".formatted(device));
        }
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
                    threads,
                    seed,
                    profile);
        } catch (InputException e) {
            throw wrong(Objects.requireNonNull(e.getMessage()));
        }
    }

    private ParameterException wrong(String sentence) {
        return new ParameterException(command.commandLine(), sentence);
    }
}
