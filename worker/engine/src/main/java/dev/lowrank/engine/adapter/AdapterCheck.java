package dev.lowrank.engine.adapter;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.adapter.Verdict.Check;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.train.HeldOut;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Re-reads what a run wrote and says whether it is sound. */
public final class AdapterCheck {
    private static final List<String> TRAVELLING = List.of("tokenizer.json", "chat_template.jinja");

    private AdapterCheck() {}

    /**
     * Checks a written adapter (or model) folder: it reads back and fits the base, every value is finite, the change is
     * not zero, the held-out loss is better than the base's, and tokenizer and chat template lie beside it unchanged.
     *
     * @param heldOut null when nothing was held out
     */
    public static Verdict verify(Path folder, Path base, @Nullable HeldOut heldOut) {
        List<Check> checks = new ArrayList<>();
        List<String> report = new ArrayList<>();
        try (ModelFolder model = ModelFolder.open(base)) {
            if (Files.exists(folder.resolve(PeftFolder.CONFIG))) {
                checkAdapter(folder, model, checks, report);
            } else {
                checkModel(folder, model, checks, report);
            }
        } catch (InputException e) {
            checks.add(new Check("reads back", false, String.valueOf(e.getMessage())));
        }
        if (heldOut != null) {
            checks.add(new Check(
                    "better on held-out rows",
                    heldOut.tunedLoss() < heldOut.baseLoss(),
                    String.format(
                            Locale.ROOT,
                            "Held-out loss went from %.4f (base) to %.4f over %,d tokens.",
                            heldOut.baseLoss(),
                            heldOut.tunedLoss(),
                            heldOut.tokens())));
        }
        checks.add(companions(folder, base));
        return new Verdict(List.copyOf(checks), List.copyOf(report));
    }

    private static void checkAdapter(Path folder, ModelFolder base, List<Check> checks, List<String> report) {
        try (PeftFolder adapter = PeftFolder.open(folder)) {
            AdapterFit fit = new AdapterFit(adapter, base);
            int fitting = 0;
            int moved = 0;
            long notFinite = 0;
            for (PeftKey key : adapter.keys()) {
                float[] values = adapter.floats(key);
                notFinite += notFinite(values);
                fitting += fit.fits(key) ? 1 : 0;
                moved += moves(key.role(), values) ? 1 : 0;
            }
            int tensors = adapter.keys().size();
            checks.add(new Check(
                    "reads back and fits the base",
                    fitting == tensors,
                    "%d of %d tensors have the base's shapes.".formatted(fitting, tensors)));
            checks.add(finite(notFinite));
            checks.add(new Check(
                    "changes the base", moved > 0, "%d of %d tensors change something.".formatted(moved, tensors)));
            report.addAll(ServerReport.of(adapter));
        }
    }

    /** Whether a tensor with these values changes what the base computes: B of a new LoRA layer, for one, does not. */
    private static boolean moves(PeftKey.Role role, float[] values) {
        return switch (role) {
            case LORA_B, UP_WEIGHT, UP_BIAS -> anyOther(values, 0);
            case IA3 -> anyOther(values, 1);
            case PROMPT, SAVED, BIAS, ADAPTED_BIAS -> true;
            case LORA_A, MAGNITUDE, DOWN_WEIGHT, DOWN_BIAS -> false;
        };
    }

    private static void checkModel(Path folder, ModelFolder base, List<Check> checks, List<String> report) {
        try (ModelFolder model = ModelFolder.open(folder)) {
            checks.add(new Check(
                    "reads back and fits the base",
                    model.parameters() == base.parameters(),
                    "It has %,d values, the base %,d.".formatted(model.parameters(), base.parameters())));
            long notFinite = 0;
            int moved = 0;
            for (String name : model.tensorNames()) {
                float[] values = model.floats(name);
                notFinite += notFinite(values);
                moved += base.tensorNames().contains(name) && !Arrays.equals(values, base.floats(name)) ? 1 : 0;
            }
            checks.add(finite(notFinite));
            checks.add(new Check(
                    "changes the base",
                    moved > 0,
                    "%d of %d tensors differ from the base's."
                            .formatted(moved, model.tensorNames().size())));
            report.add("A whole model: any server that loads the base loads it.");
        }
    }

    private static Check finite(long notFinite) {
        return new Check(
                "every value is finite",
                notFinite == 0,
                notFinite == 0 ? "No NaN and no infinity." : "%,d values are NaN or infinite.".formatted(notFinite));
    }

    private static Check companions(Path folder, Path base) {
        try {
            for (String name : TRAVELLING) {
                Path there = base.resolve(name);
                Path here = folder.resolve(name);
                if (Files.exists(there) && (!Files.exists(here) || Files.mismatch(there, here) >= 0)) {
                    return new Check(
                            "tokenizer and chat template inside",
                            false,
                            name + " is missing or differs from the base's.");
                }
            }
            return new Check("tokenizer and chat template inside", true, "They are byte-equal to the base's.");
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot compare %s with %s: %s".formatted(folder, base, e.getMessage()), e);
        }
    }

    private static long notFinite(float[] values) {
        long count = 0;
        for (float value : values) {
            count += Float.isFinite(value) ? 0 : 1;
        }
        return count;
    }

    private static boolean anyOther(float[] values, float than) {
        for (float value : values) {
            if (value != than) {
                return true;
            }
        }
        return false;
    }
}
