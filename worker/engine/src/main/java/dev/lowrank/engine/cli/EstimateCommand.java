package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.bench.Bench;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.train.Estimate;
import dev.lowrank.engine.train.EstimateJson;
import dev.lowrank.engine.train.EstimateText;
import dev.lowrank.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code estimate SPEC.json}: the memory that a run would take. */
@Command(
        name = "estimate",
        mixinStandardHelpOptions = true,
        description = {
            "Says how much memory a run would take at its peak, part by part, whether that is free here, and what to change if not.",
            "No weights are loaded. With --shape the run is the one that bench makes, and the options are bench's."
        })
final class EstimateCommand implements Callable<Integer> {
    @Spec
    private CommandSpec command = CommandSpec.create();

    @Parameters(arity = "0..1", paramLabel = "SPEC.json", description = "What to train.")
    private @Nullable Path specFile;

    @Option(
            names = "--shape",
            paramLabel = "SHAPE",
            description = "tiny-5m, smollm2-135m, smollm2-360m, qwen2.5-0.5b, llama3.2-1b, or a model's folder.")
    private @Nullable String shape;

    @Mixin
    private StepOptions step = new StepOptions();

    @Option(names = "--json", description = "Print one machine-readable line instead.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        Estimate estimate = estimate();
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(EstimateJson.of(estimate)));
        } else {
            EstimateText.lines(estimate).forEach(System.out::println);
        }
        return 0;
    }

    private Estimate estimate() throws IOException {
        if (shape != null && specFile == null) {
            return Bench.estimate(step.of(shape, 1, 0, false, command));
        }
        if (specFile == null || shape != null) {
            throw new ParameterException(command.commandLine(), "Name either a spec file or a --shape.");
        }
        if (!Files.isRegularFile(specFile)) {
            throw new InputException("There is no spec file %s.".formatted(specFile));
        }
        try (Kernels kernels = step.device().open()) {
            return Estimate.of(SpecJson.parse(Files.readString(specFile)).spec(), kernels);
        }
    }
}
