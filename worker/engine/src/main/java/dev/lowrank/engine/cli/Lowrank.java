package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.train.TrainingFailure;
import dev.lowrank.kernels.DeviceException;
import dev.lowrank.kernels.DeviceLostException;
import java.io.UncheckedIOException;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The engine's commands. Exit code 0 only on success, 1 with one sentence on failure, 2 for wrong arguments. */
@Command(
        name = "lowrank",
        subcommands = {
            TrainCommand.class,
            GenerateCommand.class,
            EvaluateCommand.class,
            InspectCommand.class,
            MergeCommand.class,
            CompareCommand.class,
            CompareVariantCommand.class,
            ExportCommand.class,
            BenchCommand.class,
            EstimateCommand.class,
            GpuCheckCommand.class,
            StarterCommand.class
        },
        mixinStandardHelpOptions = true,
        description = "Fine-tunes language models with low-rank adapters.")
public final class Lowrank implements Runnable {
    @Spec
    private CommandSpec command = CommandSpec.create();

    private Lowrank() {}

    public static void main(String[] args) {
        System.exit(run(args));
    }

    static int run(String... args) {
        return new CommandLine(new Lowrank())
                .setParameterExceptionHandler((wrong, arguments) -> refuse(wrong))
                .setExecutionExceptionHandler((failure, line, result) -> fail(failure, line))
                .execute(args);
    }

    @Override
    public void run() {
        throw new ParameterException(
                command.commandLine(),
                "Say what to do: train, generate, evaluate, compare, inspect, merge, export, bench or estimate.");
    }

    /** One sentence, and no more: the options are listed by --help. */
    private static int refuse(ParameterException wrong) {
        CommandLine line = wrong.getCommandLine();
        String message = Objects.requireNonNull(wrong.getMessage());
        line.getErr().println("lowrank: " + message + (message.endsWith(".") ? "" : "."));
        return line.getCommandSpec().exitCodeOnInvalidInput();
    }

    /** What a user can mend is one sentence; anything else is a fault of ours and shows where it happened. */
    private static int fail(Exception failure, CommandLine line) throws Exception {
        boolean expected = failure instanceof InputException
                || failure instanceof TrainingFailure
                || failure instanceof DeviceException
                || failure instanceof DeviceLostException
                || failure instanceof UncheckedIOException;
        if (!expected) {
            throw failure;
        }
        line.getErr().println("lowrank: " + failure.getMessage());
        return 1;
    }
}
