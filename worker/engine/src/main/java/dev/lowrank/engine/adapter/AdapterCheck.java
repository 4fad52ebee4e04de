package dev.lowrank.engine.adapter;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.adapter.Verdict.Check;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftLora;
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
    /** The ranks vLLM can be told to make room for. */
    private static final int[] VLLM_RANKS = {1, 8, 16, 32, 64, 128, 256, 320, 512};

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
            if (!(adapter.config() instanceof PeftLora lora)) {
                checks.add(new Check(
                        "reads back and fits the base",
                        false,
                        "Its kind (%s) cannot be checked yet."
                                .formatted(adapter.config().kind())));
                return;
            }
            int fitting = 0;
            int moved = 0;
            long notFinite = 0;
            for (String module : adapter.modules()) {
                float[] a = adapter.a(module);
                float[] b = adapter.b(module);
                notFinite += notFinite(a) + notFinite(b);
                moved += anyNonZero(b) && anyNonZero(a) ? 1 : 0;
                fitting += fits(adapter, base, module) ? 1 : 0;
            }
            int modules = adapter.modules().size();
            checks.add(new Check(
                    "reads back and fits the base",
                    fitting == modules,
                    "%d of %d adapted layers have the base's shapes.".formatted(fitting, modules)));
            checks.add(finite(notFinite));
            checks.add(new Check(
                    "changes the base", moved > 0, "%d of %d adapted layers add something.".formatted(moved, modules)));
            report.addAll(loadReport(highestRank(lora, adapter)));
        }
    }

    private static int highestRank(PeftLora lora, PeftFolder adapter) {
        return adapter.modules().stream().mapToInt(lora::rank).max().orElse(lora.rank());
    }

    private static boolean fits(PeftFolder adapter, ModelFolder base, String module) {
        String weight = module + ".weight";
        if (!base.tensorNames().contains(weight)) {
            return false;
        }
        long[] shape = base.info(weight).shape();
        return shape.length == 2 && adapter.shapeB(module)[0] == shape[0] && adapter.shapeA(module)[1] == shape[1];
    }

    private static List<String> loadReport(int rank) {
        for (int room : VLLM_RANKS) {
            if (room >= rank) {
                return List.of(
                        "vLLM: loads with --enable-lora --max-lora-rank %d.".formatted(room),
                        "vLLM: no module it would refuse (no modules_to_save, no bias, no DoRA).");
            }
        }
        return List.of("vLLM: refuses rank %d; its largest is %d.".formatted(rank, VLLM_RANKS[VLLM_RANKS.length - 1]));
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

    private static boolean anyNonZero(float[] values) {
        for (float value : values) {
            if (value != 0) {
                return true;
            }
        }
        return false;
    }
}
