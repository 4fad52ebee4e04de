package dev.lowrank.engine.train;

import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.PhantomKernels;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a run takes, found by going through it: the base is loaded, the adapter made, and the heaviest micro-batches are
 * walked forwards and back, all by the code that trains, on kernels without memory. So nothing is estimated but what
 * operations keep for themselves.
 *
 * @param loaded by the base and the tables of positions
 * @param trained by the adapter
 * @param optimizer by its averages
 * @param scratch by activations, gradients and the loss
 * @param passing what was there for a while beyond all of these together
 * @param device what operations keep for themselves
 */
record Rehearsal(BaseMemory base, long loaded, long trained, long optimizer, long scratch, long passing, long device) {

    /**
     * @param base of which only names and shapes are read
     * @param checkpointing whether each block is computed again on the way back
     */
    static Rehearsal of(
            TrainingSpec spec,
            ModelSource base,
            RowLengths training,
            @Nullable RowLengths validation,
            DType compute,
            Kernels kernels,
            boolean checkpointing) {
        PhantomKernels phantom = kernels.phantom();
        try (Trainee trainee = Trainee.prepare(spec, base, compute, phantom);
                Optimizer optimizer = new Optimizer(trainee.trainable(), spec.training(), phantom, Path.of(""));
                Workspace scratch = phantom.workspace()) {
            Transformer model = trainee.model();
            model.checkpointing(checkpointing);
            int most =
                    Math.min(spec.training().maxLength(), model.architecture().maxPositions());
            RowLengths rows = training.cut(most);
            RowLengths judged = validation == null ? null : validation.cut(most);
            model.reservePositions(Math.max(rows.longest(), judged == null ? 0 : judged.longest()));
            Passes passes = new Passes(spec.training(), trainee, phantom, scratch);
            passes.train(rows, most);
            if (judged != null) {
                passes.judge(judged);
            }
            long averages = spec.training().paged() ? 0 : optimizer.bytes();
            long parts = model.bytes() + trainee.memory().peak() + averages + scratch.peak();
            return new Rehearsal(
                    BaseMemory.of(model),
                    model.bytes(),
                    trainee.memory().peak(),
                    optimizer.bytes(),
                    scratch.peak(),
                    phantom.peakBytes() - parts,
                    phantom.ownBytes());
        }
    }

    private record Passes(TrainingSettings settings, Trainee trainee, PhantomKernels phantom, Workspace scratch) {
        void train(RowLengths rows, int capacity) {
            BatchPlan batches = new BatchPlan(rows.size(), rows::tokens, capacity, settings);
            for (int[] batch : HeaviestBatches.trained(batches, rows, settings.microBatchSize())) {
                blank(rows, batch)
                        .forwardBackward(IntStream.range(0, batch.length).toArray(), 1, 1);
            }
        }

        void judge(RowLengths rows) {
            int together = settings.beta() == null ? LossMeter.ROWS : PreferenceObjective.PAIRS;
            for (int[] batch : HeaviestBatches.judged(rows, together)) {
                Objective objective = blank(rows, batch);
                objective.measure();
                objective.measureBase();
            }
        }

        private Objective blank(RowLengths rows, int[] batch) {
            return rows.blank(batch, settings.beta(), trainee, phantom, scratch);
        }
    }
}
