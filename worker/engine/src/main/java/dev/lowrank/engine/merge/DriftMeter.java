package dev.lowrank.engine.merge;

import dev.lowrank.engine.adapter.Adapters;
import dev.lowrank.engine.data.Example;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Compares a merged folder with what was trained: the adapter on its base in the precision it had then. The two models
 * are loaded one after the other, never both at once.
 */
public final class DriftMeter {
    private final Probe probe;
    private final Precision precision;
    private final Kernels kernels;
    private final List<float[]> asTrained;

    private DriftMeter(Probe probe, Precision precision, Kernels kernels, List<float[]> asTrained) {
        this.probe = probe;
        this.precision = precision;
        this.kernels = kernels;
        this.asTrained = asTrained;
    }

    /**
     * Runs the adapter on its base.
     *
     * @param dataset its first rows are compared; null for rows of random tokens
     * @param precision what the base was held in when the adapter was trained
     * @throws dev.lowrank.engine.InputException if the base, the adapter or the dataset cannot be used
     */
    public static DriftMeter begin(
            Path base, Path adapter, @Nullable Path dataset, Precision precision, Kernels kernels) {
        try (ModelFolder folder = ModelFolder.open(base);
                PeftFolder peft = PeftFolder.open(adapter)) {
            Architecture architecture = Architecture.read(folder.config(), base.resolve("config.json"));
            Probe probe = dataset == null ? Probe.random(architecture) : Probe.of(dataset, base, architecture);
            try (Transformer model = Transformer.load(folder, precision, kernels);
                    Workspace memory = kernels.workspace()) {
                Adapters.open(peft, model, false, kernels, memory).attach();
                return new DriftMeter(probe, precision, kernels, logits(model, probe, kernels));
            }
        }
    }

    /** Runs the merged folder. */
    public Drift end(Path merged) {
        try (ModelFolder folder = ModelFolder.open(merged);
                Transformer model = Transformer.load(folder, Precision.FROZEN, kernels)) {
            return compare(logits(model, probe, kernels), model.architecture().vocabulary());
        }
    }

    private static List<float[]> logits(Transformer model, Probe probe, Kernels kernels) {
        model.reservePositions(probe.longest());
        List<float[]> all = new ArrayList<>();
        try (Workspace scratch = kernels.workspace()) {
            for (Example row : probe.rows()) {
                long mark = scratch.mark();
                Tape tape = Tape.forwardOnly(kernels, scratch);
                Tensor logits = model.logits(tape, model.hidden(tape, TokenBatch.of(List.of(row.ids()))), 0);
                float[] values = new float[Math.toIntExact(logits.size())];
                kernels.download(logits, values, 0);
                all.add(values);
                scratch.release(mark);
            }
        }
        return all;
    }

    private Drift compare(List<float[]> merged, int vocabulary) {
        double sum = 0;
        double largest = 0;
        long values = 0;
        long tokens = 0;
        long same = 0;
        for (int row = 0; row < merged.size(); row++) {
            float[] a = asTrained.get(row);
            float[] b = merged.get(row);
            for (int i = 0; i < a.length; i++) {
                double difference = Math.abs((double) a[i] - b[i]);
                sum += difference;
                largest = Math.max(largest, difference);
            }
            for (int at = 0; at < a.length; at += vocabulary) {
                same += mostLikely(a, at, vocabulary) == mostLikely(b, at, vocabulary) ? 1 : 0;
                tokens++;
            }
            values += a.length;
        }
        return new Drift(
                !precision.quantized() ? "full precision" : precision.doubleQuantized() ? "nf4 double" : "nf4",
                probe.dataset(),
                probe.rows().size(),
                tokens,
                loss(asTrained, vocabulary),
                loss(merged, vocabulary),
                sum / values,
                largest,
                (double) same / tokens);
    }

    private static int mostLikely(float[] logits, int from, int count) {
        int best = from;
        for (int i = from; i < from + count; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best - from;
    }

    /** Mean over the labelled tokens of all rows. */
    private double loss(List<float[]> logits, int vocabulary) {
        double sum = 0;
        long labelled = 0;
        for (int row = 0; row < logits.size(); row++) {
            int[] labels = probe.rows().get(row).labels();
            for (int i = 1; i < labels.length; i++) {
                if (labels[i] >= 0) {
                    sum += crossEntropy(logits.get(row), (i - 1) * vocabulary, vocabulary, labels[i]);
                    labelled++;
                }
            }
        }
        return sum / labelled;
    }

    private static double crossEntropy(float[] logits, int from, int count, int label) {
        double most = logits[from + mostLikely(logits, from, count)];
        double sum = 0;
        for (int i = from; i < from + count; i++) {
            sum += Math.exp(logits[i] - most);
        }
        return most + Math.log(sum) - logits[from + label];
    }
}
