package dev.lowrank.engine.train;

import dev.lowrank.engine.data.BatchOrder;
import dev.lowrank.engine.spec.TrainingSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Which rows go through the model in which optimizer step. A function of the settings and the rows' lengths alone, so the
 * position of a run is one number: the steps it has completed.
 *
 * <p>Every epoch is cut into micro-batches, the last of which may be short; the micro-batches of all epochs, one after
 * another, are cut into windows of {@code gradient_accumulation}, and each window is one step. A micro-batch holds
 * {@code micro_batch_size} rows or, with packing, as many packs of rows.
 */
final class BatchPlan {
    private final int rows;
    private final IntUnaryOperator tokens;
    private final int capacity;
    private final TrainingSettings settings;
    private final BatchOrder order;
    /** Micro-batches up to the end of each epoch, for as many epochs as there are steps for. */
    private final long[] ends;

    private int cachedEpoch = -1;
    private @Nullable List<int[]> cached;

    /**
     * @param tokens of a row
     * @param capacity most tokens of a pack
     */
    BatchPlan(int rows, IntUnaryOperator tokens, int capacity, TrainingSettings settings) {
        this.rows = rows;
        this.tokens = tokens;
        this.capacity = capacity;
        this.settings = settings;
        this.order = new BatchOrder(rows, settings.shuffle(), settings.seed());
        this.ends = ends();
    }

    private long[] ends() {
        Integer most = settings.maxSteps();
        long needed = most == null ? Long.MAX_VALUE : (long) most * settings.gradientAccumulation();
        long[] ends = new long[settings.epochs()];
        long end = 0;
        for (int epoch = 0; epoch < ends.length; epoch++) {
            if (end >= needed) {
                return Arrays.copyOf(ends, epoch);
            }
            end += epochsDiffer() || epoch == 0 ? count(epoch) : ends[0];
            ends[epoch] = end;
        }
        return ends;
    }

    /** Another order makes other packs, and perhaps another number of them. */
    private boolean epochsDiffer() {
        return settings.packing() && settings.shuffle();
    }

    private int count(int epoch) {
        int units = settings.packing() ? packs(epoch).size() : rows;
        return Math.ceilDiv(units, settings.microBatchSize());
    }

    /** Steps of the first epoch. */
    int stepsPerEpoch() {
        return Math.toIntExact(Math.ceilDiv(ends[0], settings.gradientAccumulation()));
    }

    int totalSteps() {
        long steps = Math.ceilDiv(ends[ends.length - 1], settings.gradientAccumulation());
        Integer most = settings.maxSteps();
        return Math.toIntExact(most == null ? steps : Math.min(most, steps));
    }

    /** The packs of the first epoch; null where rows are not packed. */
    @Nullable
    Packing packing() {
        if (!settings.packing()) {
            return null;
        }
        int packs = packs(0).size();
        long held = IntStream.range(0, rows).mapToLong(tokens::applyAsInt).sum();
        return new Packing(packs, capacity, (double) held / ((long) packs * capacity));
    }

    /** The micro-batches of a step (counted from 0), each a list of row numbers. */
    List<int[]> window(int step) {
        List<int[]> window = new ArrayList<>();
        long first = (long) step * settings.gradientAccumulation();
        long end = Math.min(first + settings.gradientAccumulation(), ends[ends.length - 1]);
        for (long micro = first; micro < end; micro++) {
            int epoch = epochOf(micro);
            int within = Math.toIntExact(micro - (epoch == 0 ? 0 : ends[epoch - 1]));
            window.add(microBatches(epoch).get(within));
        }
        return window;
    }

    private int epochOf(long micro) {
        int found = Arrays.binarySearch(ends, micro);
        return found >= 0 ? found + 1 : -found - 1;
    }

    private List<int[]> microBatches(int epoch) {
        List<int[]> present = cached;
        if (present == null || cachedEpoch != epoch) {
            present = settings.packing() ? ofPacks(packs(epoch)) : ofRows(order.epoch(epoch));
            cached = present;
            cachedEpoch = epoch;
        }
        return present;
    }

    private List<int[]> packs(int epoch) {
        return Packs.firstFit(order.epoch(epoch), tokens, capacity);
    }

    private List<int[]> ofRows(int[] epoch) {
        List<int[]> micros = new ArrayList<>();
        for (int from = 0; from < rows; from += settings.microBatchSize()) {
            micros.add(Arrays.copyOfRange(epoch, from, (int) Math.min((long) from + settings.microBatchSize(), rows)));
        }
        return micros;
    }

    /** Sequences of a micro-batch never see each other, so its packs can lie one after another as rows do. */
    private List<int[]> ofPacks(List<int[]> packs) {
        List<int[]> micros = new ArrayList<>();
        for (int from = 0; from < packs.size(); from += settings.microBatchSize()) {
            int to = (int) Math.min((long) from + settings.microBatchSize(), packs.size());
            micros.add(packs.subList(from, to).stream()
                    .flatMapToInt(Arrays::stream)
                    .toArray());
        }
        return micros;
    }
}
