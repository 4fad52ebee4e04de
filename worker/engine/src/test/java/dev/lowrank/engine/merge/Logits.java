package dev.lowrank.engine.merge;

import dev.lowrank.engine.adapter.Adapters;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a model answers to the first micro-batch of the conformance data. */
public final class Logits {
    private static final int ROWS = 4;
    private static final int LENGTH = 40;

    private Logits() {}

    /** Of a folder, with an adapter beside it or not: row after row, without padding. */
    public static float[] of(Path family, Path base, @Nullable Path adapter) {
        try (Kernels kernels = CpuKernels.open(2);
                Workspace memory = kernels.workspace();
                ModelFolder folder = ModelFolder.open(base);
                Transformer model = Transformer.load(folder, Precision.FROZEN, kernels)) {
            if (adapter != null) {
                try (PeftFolder peft = PeftFolder.open(adapter)) {
                    Adapters.open(peft, model, false, kernels, memory).attach();
                }
            }
            return of(family, model, kernels);
        }
    }

    public static float[] of(Path family, Transformer model, Kernels kernels) {
        try (Workspace scratch = kernels.workspace()) {
            Tape tape = Tape.forwardOnly(kernels, scratch);
            Tensor logits = model.logits(tape, model.hidden(tape, TokenBatch.of(batch(family))), 0);
            float[] values = new float[Math.toIntExact(logits.size())];
            kernels.download(logits, values, 0);
            return values;
        }
    }

    /** The same rows of a reference's padded logits [4, 40, V]. */
    public static float[] withoutPadding(Path family, float[] padded) {
        int vocabulary = padded.length / (ROWS * LENGTH);
        List<int[]> batch = batch(family);
        float[] rows = new float[batch.stream().mapToInt(row -> row.length).sum() * vocabulary];
        int at = 0;
        for (int row = 0; row < ROWS; row++) {
            int count = batch.get(row).length * vocabulary;
            System.arraycopy(padded, row * LENGTH * vocabulary, rows, at, count);
            at += count;
        }
        return rows;
    }

    static double largestDifference(float[] a, float[] b) {
        double largest = a.length == b.length ? 0 : Double.POSITIVE_INFINITY;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs((double) a[i] - b[i]));
        }
        return largest;
    }

    private static List<int[]> batch(Path family) {
        try (SafetensorsFile batches = SafetensorsFile.open(family.resolve("batches.safetensors"))) {
            List<int[]> rows = new ArrayList<>();
            long[] ids = batches.longs("input_ids.0");
            long[] mask = batches.longs("attention_mask.0");
            for (int row = 0; row < ROWS; row++) {
                int from = row * LENGTH;
                int length = (int) Arrays.stream(mask, from, from + LENGTH).sum();
                rows.add(Arrays.stream(ids, from, from + length)
                        .mapToInt(Math::toIntExact)
                        .toArray());
            }
            return rows;
        }
    }
}
