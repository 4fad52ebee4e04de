package dev.lowrank.engine.adapter;

import dev.lowrank.engine.format.NamedTensor;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Slot;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.AdapterInit;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.tape.FourBit;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.UpdatedWeight;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The base of a PiSSA or OLoRA adapter: each adapted weight W less {@code scale B0 A0}, where A0 and B0 are what A and B
 * began as. W itself stays in memory beside it.
 *
 * <p>On the untouched base the trained adapter is {@code scale (B A - B0 A0)}, a plain LoRA of twice the rank:
 * {@code A' = [A; A0], B' = [B, -B0]}, with twice the alpha so that the scale stays.
 */
final class MovedBase {
    private static final int HIGHEST_RANK = 4096;

    private final AdapterInit init;
    private final Transformer model;
    private final Kernels kernels;
    private final Workspace memory;
    private final Map<String, WeightFactors> starts = new HashMap<>();
    private final Map<Slot, Parameter> rests = new LinkedHashMap<>();

    MovedBase(AdapterInit init, Transformer model, Kernels kernels, Workspace memory) {
        this.init = init;
        this.model = model;
        this.kernels = kernels;
        this.memory = memory;
    }

    /**
     * Takes factors out of a layer's weight.
     *
     * @throws SpecException if the weight has not that many directions, or is held in 4 bits
     */
    WeightFactors take(Linear linear, int rank, double scale, long key) {
        require(linear, rank);
        long mark = memory.mark();
        Tensor dense = UpdatedWeight.dense(linear.weight(), linear.transposed(), kernels, memory);
        WeightFactors start = !kernels.computes()
                ? WeightFactors.zero(dense, rank)
                : init == AdapterInit.PISSA
                        ? WeightFactors.pissa(dense, rank, scale, key, kernels, memory)
                        : WeightFactors.olora(dense, rank, kernels);
        memory.release(mark);
        starts.put(linear.path(), start);
        return start;
    }

    private void require(Linear linear, int rank) {
        if (linear.weight() instanceof FourBit) {
            throw new SpecException(
                    "adapter.init",
                    "is \"%s\", which changes the base, but the base is held in 4 bits; say \"kaiming\"."
                            .formatted(init.key()));
        }
        int most = Math.min(HIGHEST_RANK / 2, Math.min(linear.inputs(), linear.outputs()));
        if (rank > most) {
            throw new SpecException(
                    "adapter.rank",
                    "is %d, but init \"%s\" can take at most %d directions out of \"%s\"; lower it."
                            .formatted(rank, init.key(), most, linear.path()));
        }
    }

    /** Keeps what is left of a layer's weight without {@code scale b a}. */
    void leave(Linear linear, Tensor a, Tensor b, float scale) {
        Slot slot = Objects.requireNonNull(model.slots().get(linear.path() + ".weight"));
        Tensor rest = UpdatedWeight.dense(slot.base(), false, kernels, memory);
        if (linear.transposed()) {
            kernels.matmul(a, true, b, true, -scale, 1, rest);
        } else {
            kernels.matmul(b, false, a, false, -scale, 1, rest);
        }
        rests.put(slot, new Parameter(slot.base().name(), rest, null));
    }

    void attach() {
        rests.forEach(Slot::replace);
    }

    void detach() {
        rests.keySet().forEach(slot -> slot.replace(null));
    }

    /** The configuration on the untouched base. */
    static PeftLora converted(PeftLora config) {
        return new PeftLora(
                config.modules(),
                2 * config.rank(),
                2 * config.alpha(),
                config.dropout(),
                config.rankPattern(),
                config.alphaPattern(),
                config.bias(),
                config.rslora(),
                config.dora(),
                config.fanInFanOut(),
                PeftLora.Init.KAIMING,
                config.baseModel());
    }

    /** The tensors on the untouched base. */
    List<NamedTensor> converted(List<NamedTensor> trained) {
        return trained.stream().map(this::converted).toList();
    }

    private NamedTensor converted(NamedTensor tensor) {
        PeftKey key = tensor.key();
        return switch (key.role()) {
            case LORA_A -> below(tensor, start(key).a());
            case LORA_B -> besideNegated(tensor, start(key).b());
            default -> tensor;
        };
    }

    private WeightFactors start(PeftKey key) {
        return Objects.requireNonNull(starts.get(key.path()));
    }

    /** [A; A0] of [r, in] each. */
    private static NamedTensor below(NamedTensor a, float[] start) {
        float[] both = new float[2 * start.length];
        System.arraycopy(a.values(), 0, both, 0, start.length);
        System.arraycopy(start, 0, both, start.length, start.length);
        return new NamedTensor(a.key(), new long[] {2 * a.shape()[0], a.shape()[1]}, both);
    }

    /** [B, -B0] of [out, r] each. */
    private static NamedTensor besideNegated(NamedTensor b, float[] start) {
        int rank = (int) b.shape()[1];
        float[] both = new float[2 * start.length];
        for (int i = 0; i < start.length; i++) {
            int at = i / rank * 2 * rank + i % rank;
            both[at] = b.values()[i];
            both[at + rank] = -start[i];
        }
        return new NamedTensor(b.key(), new long[] {b.shape()[0], 2L * rank}, both);
    }
}
