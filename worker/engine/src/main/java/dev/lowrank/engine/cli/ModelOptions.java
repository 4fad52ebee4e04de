package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.kernels.Kernels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which base, which adapters, which device: what generate and evaluate share. */
final class ModelOptions {
    @Parameters(arity = "0..1", paramLabel = "BASE", description = "The base model's folder (or --model).")
    private @Nullable Path positional;

    @Option(
            names = {"--model", "--base"},
            paramLabel = "DIR",
            description = "The base model's folder.")
    private @Nullable Path named;

    @Option(names = "--adapter", paramLabel = "DIR", description = "A PEFT adapter folder; may be repeated to compare.")
    private List<Path> adapters = new ArrayList<>();

    @Mixin
    private DeviceOptions device = new DeviceOptions();

    Path model() {
        Path model = named != null ? named : positional;
        if (model == null) {
            throw new InputException("Name the base model's folder: --model DIR.");
        }
        return model;
    }

    List<Path> adapters() {
        return adapters;
    }

    Kernels kernels() {
        return device.open();
    }
}
