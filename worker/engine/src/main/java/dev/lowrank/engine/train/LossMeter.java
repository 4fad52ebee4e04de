package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.Example;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;

/** Cross-entropy of a model over rows, without training it. */
public final class LossMeter {
    /** Rows that are judged together. */
    static final int ROWS = 16;

    private LossMeter() {}

    /** Sum over all rows of a dataset. */
    public static LossSum measure(Transformer model, Dataset data, Kernels kernels, Workspace scratch) {
        LossSum sum = LossSum.ZERO;
        for (int from = 0; from < data.size(); from += ROWS) {
            List<Example> rows = new ArrayList<>();
            for (int i = from; i < Math.min(from + ROWS, data.size()); i++) {
                rows.add(data.get(i));
            }
            long mark = scratch.mark();
            Tape tape = Tape.forwardOnly(kernels, scratch);
            Value hidden = model.hidden(tape, batch(rows));
            sum = sum.plus(model.loss(tape, hidden, labels(rows, kernels, scratch), 1));
            scratch.release(mark);
        }
        return sum;
    }

    static TokenBatch batch(List<Example> rows) {
        return TokenBatch.of(rows.stream().map(Example::ids).toList());
    }

    /** I32 [N]: the label of the token after each; the last token of a row predicts nothing. */
    static Tensor labels(List<Example> rows, Kernels kernels, Workspace scratch) {
        int tokens = rows.stream().mapToInt(row -> row.ids().length).sum();
        int[] shifted = new int[tokens];
        int at = 0;
        for (Example row : rows) {
            int length = row.labels().length;
            System.arraycopy(row.labels(), 1, shifted, at, length - 1);
            shifted[at + length - 1] = Kernels.IGNORED;
            at += length;
        }
        Tensor labels = scratch.take(DType.I32, tokens);
        kernels.upload(shifted, labels);
        return labels;
    }
}
