package dev.lowrank.engine.spec;

import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;

/** How a base is fine-tuned. */
public enum Method implements Named {
    /** A low-rank adapter on a frozen base. */
    LORA("lora", 2e-4, "the usual peak for LoRA"),
    /** A low-rank adapter on a base frozen in 4 bits. */
    QLORA("qlora", 2e-4, "the usual peak for LoRA, on a 4-bit base too"),
    /** A low-rank adapter taught by pairs of answers, against the base with the adapter switched off. */
    DPO("dpo", 5e-5, "preference tuning is easily overdone, so a quarter of LoRA's usual peak"),
    /** Every weight of the base, the baseline that adapters are compared with. */
    FULL("full", 2e-5, "the usual peak where every weight moves"),
    /** Small two-layer networks inside every layer. */
    BOTTLENECK("bottleneck", 1e-4, "the usual peak for bottleneck adapters"),
    /** Trained keys and values that every layer's attention sees before the row. */
    PREFIX_TUNING("prefix-tuning", 1e-2, "a prefix has few values and starts far from useful ones"),
    /** Trained embeddings before the row. */
    PROMPT_TUNING("prompt-tuning", 1e-2, "virtual tokens have few values and start far from useful ones"),
    /** Trained factors on keys, values and the feed-forward block. */
    IA3("ia3", 5e-3, "factors start at one and must move a good way");

    /** The methods whose adapter is a {@link LoraSpec}. */
    static final Set<Method> LOW_RANK = EnumSet.of(LORA, QLORA, DPO);

    private final String key;
    private final double learningRate;
    private final String learningRateReason;

    Method(String key, double learningRate, String learningRateReason) {
        this.key = key;
        this.learningRate = learningRate;
        this.learningRateReason = learningRateReason;
    }

    @Override
    public String key() {
        return key;
    }

    /** The peak learning rate where none is given. */
    public double learningRate() {
        return learningRate;
    }

    /** Why {@link #learningRate} is what it is. */
    public String learningRateReason() {
        return learningRateReason;
    }

    /** Whether the adapter is a {@link LoraSpec}. */
    public boolean lowRank() {
        return LOW_RANK.contains(this);
    }

    /** Whether PEFT has a format for what this method trains, so that it can start from such a folder. */
    public boolean hasPeftFormat() {
        return this != FULL && this != BOTTLENECK;
    }

    /** The rest of a sentence about a setting that has no meaning for this method, but for others. */
    String refusal(Set<Method> owners) {
        String names = owners.stream().map(owner -> '"' + owner.key + '"').collect(Collectors.joining(", "));
        return "has no meaning for method \"%s\"; it belongs to %s.".formatted(key, names);
    }
}
