package dev.lowrank.engine.merge;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftIa3;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.format.PeftPromptTuning;
import dev.lowrank.engine.format.Refusal;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** What an adapter makes of the tensors of its base, one at a time and in fp32. */
final class WeightChanges {
    private final PeftFolder adapter;
    private final BaseTensors base;
    private final Map<String, Change> changes = new LinkedHashMap<>();

    private WeightChanges(PeftFolder adapter, BaseTensors base) {
        this.adapter = adapter;
        this.base = base;
    }

    /** @throws InputException if the adapter is of a kind that no weight can express, or belongs to another base */
    static WeightChanges of(PeftFolder adapter, BaseTensors base) {
        WeightChanges changes = new WeightChanges(adapter, base);
        switch (adapter.config()) {
            case PeftLora lora -> changes.collect(lora);
            case PeftIa3 ia3 -> changes.collect(ia3);
            case PeftPromptTuning _ ->
                throw unmergeable(
                        adapter, "works by virtual tokens in front of the text, which are no weight of the base");
            case PeftPrefixTuning _ ->
                throw unmergeable(
                        adapter, "works by keys and values in front of the text, which are no weight of the base");
            case PeftBottleneck _ ->
                throw unmergeable(adapter, "works by layers of its own, for which the base has no weights");
        }
        return changes;
    }

    private static InputException unmergeable(PeftFolder adapter, String reason) {
        return Refusal.of(
                adapter.path(),
                "is a %s adapter and cannot be merged: it %s; use it beside its base instead"
                        .formatted(adapter.config().kind(), reason));
    }

    private void collect(PeftLora lora) {
        adapter.requireModules(base.linears());
        for (String module : adapter.modules()) {
            boolean transposed = base.transposed(module);
            long out = adapter.shapeB(module)[0];
            long in = adapter.shapeA(module)[1];
            Change update = new Change.Updated(module, lora.scale(module), lora.dora(), transposed);
            put(module + ".weight", update, transposed ? new long[] {in, out} : new long[] {out, in});
        }
        collectReplaced();
    }

    private void collect(PeftIa3 ia3) {
        adapter.requireModules(base.linears());
        for (String module : adapter.modules()) {
            PeftKey key = PeftKey.ia3(module);
            boolean inputs = ia3.onInputs(module);
            boolean columns = inputs != base.transposed(module);
            String weight = module + ".weight";
            long factors = Arrays.stream(adapter.shape(key)).reduce(1, Math::multiplyExact);
            long[] shape = base.shapes().getOrDefault(weight, new long[] {factors, factors});
            long[] wanted = shape.clone();
            wanted[columns ? shape.length - 1 : 0] = factors;
            put(weight, new Change.Rescaled(key, columns), wanted);
            if (!inputs && base.shapes().containsKey(module + ".bias")) {
                put(module + ".bias", new Change.Rescaled(key, false), factors);
            }
        }
        collectReplaced();
    }

    private void collectReplaced() {
        for (PeftKey key : adapter.keys()) {
            switch (key.role()) {
                case SAVED -> put(key.path(), new Change.Replaced(key), adapter.shape(key));
                case ADAPTED_BIAS, BIAS -> put(key.path() + ".bias", new Change.Replaced(key), adapter.shape(key));
                default -> {}
            }
        }
    }

    private void put(String tensor, Change change, long... shape) {
        long[] found = base.shapes().get(tensor);
        if (found == null) {
            throw Refusal.of(
                    adapter.path(),
                    "changes %s, which the base does not have; name the base it was trained on"
                            .formatted(Refusal.quoted(tensor)));
        }
        if (!Arrays.equals(found, shape)) {
            throw Refusal.of(
                    adapter.path(),
                    "changes %s as %s where the base has %s; name the base it was trained on"
                            .formatted(Refusal.quoted(tensor), Arrays.toString(shape), Arrays.toString(found)));
        }
        changes.put(tensor, change);
    }

    /** The names of all tensors that change. */
    Set<String> tensors() {
        return Collections.unmodifiableSet(changes.keySet());
    }

    /**
     * A tensor with the adapter worked in.
     *
     * @param values of the base, row-major; may be overwritten
     */
    float[] apply(String tensor, float[] values, Kernels kernels, Workspace memory) {
        return switch (changes.get(tensor)) {
            case null -> values;
            case Change.Replaced replaced -> adapter.floats(replaced.by());
            case Change.Rescaled rescaled -> {
                float[] factors = adapter.floats(rescaled.by());
                rescale(values, factors, rescaled.columns());
                yield values;
            }
            case Change.Updated updated -> {
                add(updated, Objects.requireNonNull(base.shapes().get(tensor)), values, kernels, memory);
                if (updated.dora()) {
                    giveLengths(values, adapter.floats(PeftKey.magnitude(updated.module())), updated.transposed());
                }
                yield values;
            }
        };
    }

    /** {@code W += s B A}, or of W as [in, out] {@code W += s A' B'}. */
    private void add(Change.Updated update, long[] shape, float[] values, Kernels kernels, Workspace memory) {
        long mark = memory.mark();
        Tensor w = memory.take(shape);
        Tensor a = memory.take(adapter.shapeA(update.module()));
        Tensor b = memory.take(adapter.shapeB(update.module()));
        kernels.upload(values, 0, w);
        kernels.upload(adapter.a(update.module()), 0, a);
        kernels.upload(adapter.b(update.module()), 0, b);
        float scale = (float) update.scale();
        if (update.transposed()) {
            kernels.matmul(a, true, b, true, scale, 1, w);
        } else {
            kernels.matmul(b, false, a, false, scale, 1, w);
        }
        kernels.download(w, values, 0);
        memory.release(mark);
    }

    private static void giveLengths(float[] values, float[] lengths, boolean columns) {
        double[] squares = new double[lengths.length];
        int width = values.length / lengths.length;
        for (int i = 0; i < values.length; i++) {
            squares[columns ? i % lengths.length : i / width] += (double) values[i] * values[i];
        }
        float[] factors = new float[lengths.length];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = (float) (lengths[i] / Math.sqrt(squares[i]));
        }
        rescale(values, factors, columns);
    }

    private static void rescale(float[] values, float[] factors, boolean columns) {
        int width = values.length / factors.length;
        for (int i = 0; i < values.length; i++) {
            values[i] *= factors[columns ? i % factors.length : i / width];
        }
    }
}
