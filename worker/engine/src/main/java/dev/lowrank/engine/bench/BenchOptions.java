package dev.lowrank.engine.bench;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.ComputeType;
import dev.lowrank.engine.spec.GradientCheckpointing;
import dev.lowrank.engine.spec.Method;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What is measured, checked.
 *
 * @param shape the name of a {@link Shape}, or a model folder
 * @param steps that are measured
 * @param warmup steps before them
 * @param device by its name among {@link dev.lowrank.kernels.Devices}
 * @param profile whether each operation is timed
 */
public record BenchOptions(
        String shape,
        Method method,
        ComputeType compute,
        GradientCheckpointing checkpointing,
        int batch,
        int length,
        int rank,
        int steps,
        int warmup,
        String device,
        int threads,
        int seed,
        boolean profile) {
    /** @throws InputException naming the option that is wrong */
    public BenchOptions {
        boolean named = Shape.named(shape).isPresent();
        if (!named && !Files.isDirectory(Path.of(shape))) {
            throw new InputException("There is no shape \"%s\" and no model folder there; the shapes are %s."
                    .formatted(shape, Shape.names()));
        }
        require("--batch", batch, 1, 65_536);
        require("--length", length, 2, named ? Shape.POSITIONS : 1 << 20);
        require("--rank", rank, 1, 4096);
        require("--steps", steps, 1, 10_000);
        require("--warmup", warmup, 0, 10_000);
        require("--threads", threads, 1, 4096);
    }

    private static void require(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw new InputException("%s is %d, but must be between %d and %d.".formatted(option, value, least, most));
        }
    }

    /** Steps until the virtual machine has compiled what is measured: some fifteen seconds, and three steps at least. */
    public static int warmup(String shape) {
        return switch (Shape.named(shape).orElse(null)) {
            case TINY_5M -> 200;
            case SMOLLM2_135M -> 16;
            case null, default -> 3;
        };
    }

    /** What {@code --method} says. */
    public static Method method(String word) {
        return switch (word) {
            case "lora" -> Method.LORA;
            case "qlora" -> Method.QLORA;
            case "full" -> Method.FULL;
            default -> throw choice("--method", word, "lora, qlora, full");
        };
    }

    /** What {@code --dtype} says. */
    public static ComputeType compute(String word) {
        return switch (word) {
            case "auto" -> ComputeType.AUTO;
            case "float32" -> ComputeType.FLOAT32;
            case "bfloat16" -> ComputeType.BFLOAT16;
            default -> throw choice("--dtype", word, "auto, float32, bfloat16");
        };
    }

    /** What {@code --checkpointing} says. */
    public static GradientCheckpointing checkpointing(String word) {
        return switch (word) {
            case "auto" -> GradientCheckpointing.AUTO;
            case "none" -> GradientCheckpointing.NONE;
            case "per-layer" -> GradientCheckpointing.LAYER;
            default -> throw choice("--checkpointing", word, "auto, none, per-layer");
        };
    }

    private static InputException choice(String option, String word, String words) {
        return new InputException("%s is \"%s\", but must be one of: %s.".formatted(option, word, words));
    }
}
