package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.adapter.AdapterCheck;
import dev.lowrank.engine.adapter.Verdict;
import dev.lowrank.engine.spec.Resolution;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.train.Ending;
import dev.lowrank.engine.train.HeldOut;
import dev.lowrank.engine.train.Packing;
import dev.lowrank.engine.train.Result;
import dev.lowrank.engine.train.RunPlan;
import dev.lowrank.engine.train.TrainingRun;
import dev.lowrank.kernels.Kernels;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code train SPEC.json}: one job in this process. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = "Trains one job in this process: adapter folder, metrics.jsonl, checkpoints.")
final class TrainCommand implements Callable<Integer> {
    /** What a shell reports for a process ended by SIGTERM or Ctrl-C after it saved its work. */
    private static final int INTERRUPTED = 130;

    @Parameters(paramLabel = "SPEC.json", description = "What to train; docs/training-spec.md has every setting.")
    private Path specFile = Path.of("");

    @Option(names = "--output", paramLabel = "DIR", description = "Folder for the result, in place of the spec's.")
    private @Nullable String output;

    @Option(names = "--resume", description = "Go on from the newest checkpoint in the output folder.")
    private boolean resume;

    @Mixin
    private DeviceOptions device = new DeviceOptions();

    @Option(names = "--json", description = "Print one machine-readable line at the end.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        SpecJson.Read read = SpecJson.parse(readSpec());
        TrainingSpec spec = read.spec();
        Path folder = Path.of(outputOf(spec));
        if (!resume && TrainingRun.hasCheckpoints(folder)) {
            throw new InputException(
                    "%s holds checkpoints of an earlier run; add --resume to go on with it, or choose another output folder."
                            .formatted(folder));
        }
        PrintStream out = json ? System.err : System.out;
        try (Kernels kernels = device.open();
                TrainingRun run = TrainingRun.open(spec, folder, kernels)) {
            banner(out, read, run, kernels);
            TrainingDisplay display = new TrainingDisplay(out, run.completedSteps());
            try (Interruption interruption = Interruption.listen()) {
                display.stopWhen(interruption::requested);
                int code = run.train(display) == Ending.STOPPED
                        ? stopped(out, run)
                        : finish(out, spec, folder, run, display);
                if (interruption.requested()) {
                    interruption.exitWith(code);
                }
                return code;
            }
        }
    }

    private static int stopped(PrintStream out, TrainingRun run) {
        out.println("Stopped after step %d of %d; go on with --resume."
                .formatted(run.completedSteps(), run.plan().totalSteps()));
        return INTERRUPTED;
    }

    private int finish(PrintStream out, TrainingSpec spec, Path folder, TrainingRun run, TrainingDisplay display) {
        Result result = run.writeOutput(folder);
        HeldOut heldOut = run.evaluate();
        if (heldOut != null) {
            out.println("Held-out loss %.4f -> %.4f over %,d tokens."
                    .formatted(heldOut.baseLoss(), heldOut.tunedLoss(), heldOut.tokens()));
        }
        Verdict verdict = AdapterCheck.verify(folder, Path.of(spec.baseModel()), null);
        verdict.checks().stream()
                .filter(check -> !check.passed())
                .forEach(check -> out.println("Warning: %s: %s".formatted(check.name(), check.detail())));
        out.println(
                result.best()
                        ? "Wrote %s, as it was at step %d with the lowest validation loss, %.4f; %s is as it was at step %d, the last."
                                .formatted(
                                        folder,
                                        result.step(),
                                        result.validationLoss(),
                                        folder.resolve("last"),
                                        result.lastStep())
                        : "Wrote " + folder);
        if (json) {
            ObjectNode line = JsonNodeFactory.instance.objectNode();
            line.put("output", folder.toString());
            line.put("steps", run.completedSteps());
            line.put("result_step", result.step());
            line.put("last_training_loss", display.lastLoss());
            if (heldOut != null) {
                line.put("loss_before", heldOut.baseLoss());
                line.put("loss_after", heldOut.tunedLoss());
            }
            line.put("verified", verdict.passed());
            System.out.println(JsonMapper.shared().writeValueAsString(line));
        }
        return verdict.passed() ? 0 : 1;
    }

    private String readSpec() throws IOException {
        if (!Files.isRegularFile(specFile)) {
            throw new InputException("There is no spec file %s.".formatted(specFile));
        }
        return Files.readString(specFile);
    }

    private String outputOf(TrainingSpec spec) {
        String folder = output != null ? output : spec.output();
        if (folder == null) {
            throw new SpecException(
                    "output", "is missing; name the folder that receives the result, here or with --output.");
        }
        return folder;
    }

    private static void banner(PrintStream out, SpecJson.Read read, TrainingRun run, Kernels kernels) {
        RunPlan plan = run.plan();
        out.println(kernels.device());
        out.println("%,d of %,d values trained; %,d rows, %,d trained tokens an epoch; %,d steps."
                .formatted(
                        plan.trainableParameters(),
                        plan.baseParameters(),
                        plan.examples(),
                        plan.trainedTokens(),
                        plan.totalSteps()));
        Packing packing = plan.packing();
        if (packing != null) {
            out.println("Packed into %,d sequences of at most %,d tokens an epoch, %.1f %% full."
                    .formatted(packing.packs(), packing.capacity(), 100 * packing.fill()));
        }
        if (plan.truncatedRows() > 0) {
            out.println("%,d rows are longer than \"training.max_length\" and were cut off."
                    .formatted(plan.truncatedRows()));
        }
        out.println(plan.arithmetic());
        out.println(plan.memory().base());
        out.println(plan.memory());
        for (Resolution resolution : read.resolutions()) {
            out.println("  %-32s %-12s %s".formatted(resolution.field(), resolution.value(), resolution.reason()));
        }
        if (run.completedSteps() > 0) {
            out.println("Going on after step %d.".formatted(run.completedSteps()));
        }
    }
}
