package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.Example;
import dev.lowrank.engine.data.RowSet;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.Arrays;
import java.util.List;

/** Cross-entropy of the trained tokens. */
final class TokenObjective implements Objective {
    private final Dataset data;
    private final Trainee trainee;
    private final Kernels kernels;
    private final Workspace scratch;

    TokenObjective(Dataset data, Trainee trainee, Kernels kernels, Workspace scratch) {
        this.data = data;
        this.trainee = trainee;
        this.kernels = kernels;
        this.scratch = scratch;
    }

    @Override
    public RowSet data() {
        return data;
    }

    @Override
    public int tokens(int row) {
        return data.get(row).ids().length;
    }

    @Override
    public long weight(int[] rows) {
        return Arrays.stream(rows)
                .mapToLong(row -> data.get(row).trainedTokens())
                .sum();
    }

    @Override
    public LossParts forwardBackward(int[] rows, double scale, long dropoutKey) {
        List<Example> examples = Arrays.stream(rows).mapToObj(data::get).toList();
        long mark = scratch.mark();
        Tape tape = Tape.recording(kernels, scratch, dropoutKey);
        Tensor labels = LossMeter.labels(examples, kernels, scratch);
        Value hidden = trainee.model().hidden(tape, LossMeter.batch(examples));
        LossSum sum = trainee.model().loss(tape, hidden, labels, (float) scale);
        tape.backward();
        scratch.release(mark);
        return LossParts.of(sum);
    }

    @Override
    public LossParts measure() {
        return measure(trainee.model());
    }

    @Override
    public LossParts measureBase() {
        return trainee.withBase(this::measure);
    }

    private LossParts measure(Transformer model) {
        model.reservePositions(data.longestRow());
        return LossParts.of(LossMeter.measure(model, data, kernels, scratch));
    }
}
