package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Example;
import dev.lowrank.engine.data.PreferenceDataset;
import dev.lowrank.engine.data.PreferencePair;
import dev.lowrank.engine.data.RowSet;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Direct preference optimisation, with the base as its own reference: for a pair of answers with summed log-probabilities
 * c (chosen) and r (rejected) by the model, c0 and r0 by the base,
 *
 * <pre>
 * margin = beta * ((c - c0) - (r - r0))        loss = -log sigmoid(margin)
 * dloss/dc = -beta * sigmoid(-margin)          dloss/dr = beta * sigmoid(-margin)
 * </pre>
 *
 * The cross-entropy of an answer's tokens is -c or -r, so each token's gradient is its cross-entropy's times plus or minus
 * {@code beta * sigmoid(-margin)}. A step's loss is the mean over its pairs.
 */
final class PreferenceObjective implements Objective {
    /** Pairs that are judged together. */
    static final int PAIRS = 8;

    private final PreferenceDataset data;
    private final Trainee trainee;
    private final double beta;
    private final Kernels kernels;
    private final Workspace scratch;

    PreferenceObjective(PreferenceDataset data, Trainee trainee, double beta, Kernels kernels, Workspace scratch) {
        this.data = data;
        this.trainee = trainee;
        this.beta = beta;
        this.kernels = kernels;
        this.scratch = scratch;
    }

    @Override
    public RowSet data() {
        return data;
    }

    @Override
    public int tokens(int row) {
        PreferencePair pair = data.get(row);
        return pair.chosen().ids().length + pair.rejected().ids().length;
    }

    @Override
    public int sequencesOfRow() {
        return 2;
    }

    @Override
    public long weight(int[] rows) {
        return rows.length;
    }

    @Override
    public LossParts forwardBackward(int[] rows, double scale, long dropoutKey) {
        List<Example> sides = sides(rows);
        long mark = scratch.mark();
        Tensor labels = LossMeter.labels(sides, kernels, scratch);
        double[] reference = trainee.withBase(base -> negativeLogs(base, sides, labels));
        Tape tape = Tape.recording(kernels, scratch, dropoutKey);
        Value hidden = trainee.model().hidden(tape, LossMeter.batch(sides));
        Tensor losses = scratch.take(labels.size());
        LossSum sum = trainee.model().loss(Tape.forwardOnly(kernels, scratch), hidden, labels, 1, null, losses);
        double[] present = sums(losses, sides);
        double[] margins = margins(present, reference);
        Tensor rowScale = rowScale(margins, sides);
        trainee.model().loss(tape, hidden, labels, (float) scale, rowScale, null);
        tape.backward();
        scratch.release(mark);
        return parts(margins, sum);
    }

    @Override
    public LossParts measure() {
        LossParts all = null;
        for (int from = 0; from < data.size(); from += PAIRS) {
            int[] rows =
                    IntStream.range(from, Math.min(from + PAIRS, data.size())).toArray();
            all = measure(sides(rows)).plus(all);
        }
        return Objects.requireNonNull(all);
    }

    private LossParts measure(List<Example> sides) {
        long mark = scratch.mark();
        Tensor labels = LossMeter.labels(sides, kernels, scratch);
        double[] reference = trainee.withBase(base -> negativeLogs(base, sides, labels));
        Tape tape = Tape.forwardOnly(kernels, scratch);
        Value hidden = trainee.model().hidden(tape, LossMeter.batch(sides));
        Tensor losses = scratch.take(labels.size());
        LossSum sum = trainee.model().loss(tape, hidden, labels, 1, null, losses);
        double[] margins = margins(sums(losses, sides), reference);
        scratch.release(mark);
        return parts(margins, sum);
    }

    /** The base does not prefer either answer to itself. */
    @Override
    public LossParts measureBase() {
        double pairs = data.size();
        return new LossParts(pairs * Math.log(2), data.trainedTokens(), 0, 0.0, 0);
    }

    /** The chosen answers of some pairs, then the rejected ones. */
    private List<Example> sides(int[] rows) {
        return Stream.concat(
                        Arrays.stream(rows).mapToObj(row -> data.get(row).chosen()),
                        Arrays.stream(rows).mapToObj(row -> data.get(row).rejected()))
                .toList();
    }

    /** Summed negative log-probabilities of each side's trained tokens. */
    private double[] negativeLogs(Transformer model, List<Example> sides, Tensor labels) {
        long mark = scratch.mark();
        Tape tape = Tape.forwardOnly(kernels, scratch);
        Value hidden = model.hidden(tape, LossMeter.batch(sides));
        Tensor losses = scratch.take(labels.size());
        model.loss(tape, hidden, labels, 1, null, losses);
        double[] sums = sums(losses, sides);
        scratch.release(mark);
        return sums;
    }

    private double[] sums(Tensor losses, List<Example> sides) {
        float[] values = new float[Math.toIntExact(losses.size())];
        kernels.download(losses, values, 0);
        int[] starts = LossMeter.batch(sides).starts();
        double[] sums = new double[sides.size()];
        for (int side = 0; side < sums.length; side++) {
            for (int n = starts[side]; n < starts[side + 1]; n++) {
                sums[side] += values[n];
            }
        }
        return sums;
    }

    private double[] margins(double[] present, double[] reference) {
        int pairs = present.length / 2;
        double[] margins = new double[pairs];
        for (int i = 0; i < pairs; i++) {
            double chosen = reference[i] - present[i];
            double rejected = reference[pairs + i] - present[pairs + i];
            margins[i] = beta * (chosen - rejected);
        }
        return margins;
    }

    /** F32 [N]: plus or minus {@code beta * sigmoid(-margin)} for every token of a side. */
    private Tensor rowScale(double[] margins, List<Example> sides) {
        TokenBatch batch = LossMeter.batch(sides);
        float[] scales = new float[batch.ids().length];
        for (int side = 0; side < sides.size(); side++) {
            double pull = beta / (1 + Math.exp(margins[side % margins.length]));
            Arrays.fill(scales, batch.starts()[side], batch.starts()[side + 1], (float)
                    (side < margins.length ? pull : -pull));
        }
        Tensor tensor = scratch.take(scales.length);
        kernels.upload(scales, 0, tensor);
        return tensor;
    }

    private static LossParts parts(double[] margins, LossSum sum) {
        double loss =
                Arrays.stream(margins).map(PreferenceObjective::softplusOfMinus).sum();
        long preferred = Arrays.stream(margins).filter(margin -> margin > 0).count();
        return new LossParts(
                loss, sum.tokens(), sum.correct(), Arrays.stream(margins).sum(), preferred);
    }

    /** {@code -log sigmoid(x) = log(1 + e^-x)}, without overflow. */
    private static double softplusOfMinus(double x) {
        return Math.max(-x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    }
}
