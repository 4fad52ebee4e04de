package dev.lowrank.engine.merge;

import dev.lowrank.engine.format.AdapterOrigin;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.kernels.Kernels;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes a base with an adapter worked in as a model folder that any program loads. */
public final class ModelMerge {
    private ModelMerge() {}

    /**
     * Says early, without computing anything, that a merge would be refused.
     *
     * @throws dev.lowrank.engine.InputException if the adapter cannot be merged, does not fit the base, or there is an
     *     output already
     */
    public static void requirePossible(Path base, Path adapter, Path output) {
        ModelDraft.checkFree(output);
        try (PeftFolder peft = PeftFolder.open(adapter);
                ModelFolder folder = ModelFolder.open(base)) {
            WeightChanges.of(peft, new BaseFolder(folder).tensors());
        }
    }

    /**
     * Writes and checks a folder. Tensors are read, changed in fp32 and written one at a time.
     *
     * @param base the folder of the 16- or 32-bit model the adapter was trained on, or that it was quantized from
     * @param output must not exist; only ever a whole folder has this name
     * @param type F32, F16 or BF16 for all values; null for the types the base has
     * @param shardBytes the most bytes of weights in a file, unless a single tensor has more
     * @throws dev.lowrank.engine.InputException if the adapter cannot be merged, does not fit the base, or gives a
     *     value that is not finite (then nothing is written)
     * @throws UncheckedIOException if the disk fails, is full, or gives back other bytes
     */
    public static MergeReport write(
            Path base, Path adapter, Path output, @Nullable StoredType type, long shardBytes, Kernels kernels) {
        ModelDraft.checkFree(output);
        AdapterOrigin origin = AdapterOrigin.read(adapter);
        try (PeftFolder peft = PeftFolder.open(adapter);
                ModelFolder folder = ModelFolder.open(base)) {
            BaseFolder tensors = new BaseFolder(folder);
            WeightChanges changes = WeightChanges.of(peft, tensors.tensors());
            try (MergePlan plan = new MergePlan(tensors, adapter, changes, type, kernels)) {
                int shards = new ModelDraft(plan, adapter, output).publish(shardBytes, type);
                return new MergeReport(
                        output,
                        peft.config().kind(),
                        mostBytes(plan.tensors()),
                        plan.tensors().size(),
                        plan.changed(),
                        shards,
                        plan.tensors().stream().mapToLong(PlannedTensor::bytes).sum(),
                        plan.untied(),
                        notes(plan, origin, folder));
            }
        }
    }

    private static String mostBytes(List<PlannedTensor> tensors) {
        Map<StoredType, Long> bytes = new HashMap<>();
        tensors.forEach(tensor -> bytes.merge(tensor.type(), tensor.bytes(), Long::sum));
        return bytes.entrySet().stream()
                .max(Comparator.comparingLong(Map.Entry::getValue))
                .map(entry -> entry.getKey().toString())
                .orElse("none");
    }

    private static List<String> notes(MergePlan plan, @Nullable AdapterOrigin origin, ModelFolder base) {
        List<String> notes = new ArrayList<>();
        if (plan.untied()) {
            notes.add("The head was the embedding table and is now a tensor of its own; tie_word_embeddings is false");
        }
        boolean trainedOnThis = origin == null || origin.baseSha256().equals(base.sha256());
        if (!trainedOnThis && origin != null && origin.nf4()) {
            notes.add("The adapter was trained on other files than these; right if they are a 4-bit copy of this base");
        } else if (!trainedOnThis) {
            notes.add("The adapter was trained on other files than these; right only if they hold the same weights");
        }
        return notes;
    }
}
