package dev.lowrank.engine.compare;

import dev.lowrank.engine.spec.Method;

/** A family of variants, which differ in size only. */
public enum Kind {
    FULL("full", "full fine-tuning", Method.FULL, 5e-4),
    LORA_ATTENTION("lora-qv", "LoRA, query and value", Method.LORA, 2e-3),
    LORA_ALL("lora-all", "LoRA, all linear", Method.LORA, 2e-3),
    QLORA("qlora", "QLoRA, all linear", Method.QLORA, 2e-3),
    BOTTLENECK("bottleneck", "bottleneck adapter", Method.BOTTLENECK, 2e-3),
    PREFIX("prefix", "prefix tuning", Method.PREFIX_TUNING, 1e-2),
    PROMPT("prompt", "prompt tuning", Method.PROMPT_TUNING, 3e-2),
    IA3("ia3", "IA3", Method.IA3, 2e-2);

    /** Bases below this many parameters stand larger steps than the engine's own rates, made for usual sizes. */
    private static final long SMALL = 100_000_000;

    private final String key;
    private final String title;
    private final Method method;
    private final double smallRate;

    Kind(String key, String title, Method method, double smallRate) {
        this.key = key;
        this.title = title;
        this.method = method;
        this.smallRate = smallRate;
    }

    /** The word that stands for it in options and names. */
    public String key() {
        return key;
    }

    String title() {
        return title;
    }

    Method method() {
        return method;
    }

    /** The peak learning rate where none is given. */
    double learningRate(long baseParameters) {
        return baseParameters < SMALL ? smallRate : method.learningRate();
    }
}
