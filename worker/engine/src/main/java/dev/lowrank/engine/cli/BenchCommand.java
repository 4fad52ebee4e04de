package dev.lowrank.engine.cli;

import dev.lowrank.engine.bench.Bench;
import dev.lowrank.engine.bench.BenchJson;
import dev.lowrank.engine.bench.BenchOptions;
import dev.lowrank.engine.bench.BenchResult;
import dev.lowrank.engine.bench.BenchText;
import java.io.PrintStream;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
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

    @Mixin
    private StepOptions step = new StepOptions();

    @Option(names = "--steps", paramLabel = "N", description = "Steps to measure (5).")
    private int steps = 5;

    @Option(
            names = "--warmup",
            paramLabel = "N",
            description = "Steps before them (3; 16 of smollm2-135m, 200 of tiny-5m).")
    private @Nullable Integer warmup;

    @Option(names = "--profile", description = "Show where the time goes, by operation.")
    private boolean profile;

    @Option(names = "--json", description = "Print one machine-readable line at the end.")
    private boolean json;

    @Override
    public Integer call() {
        BenchOptions options =
                step.of(shape, steps, warmup == null ? BenchOptions.warmup(shape) : warmup, profile, command);
        PrintStream out = json ? System.err : System.out;
        BenchResult result = Bench.run(options, out::println);
        BenchText.lines(result).forEach(out::println);
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(BenchJson.of(result)));
        }
        return 0;
    }
}
