package dev.lowrank.engine.compare;

import dev.lowrank.engine.spec.Method;

/** A family of variants, which differ in size only. */
public enum Kind {
    FULL("full", "full fine-tuning", "", Method.FULL, 1e-3),
    LORA_ATTENTION("lora-qv", "LoRA, query and value", "r", Method.LORA, 5e-3),
    LORA_ALL("lora-all", "LoRA, all linear", "r", Method.LORA, 3e-3),
    QLORA("qlora", "QLoRA, all linear", "r", Method.QLORA, 3e-3),
    BOTTLENECK("bottleneck", "bottleneck adapter", "width", Method.BOTTLENECK, 5e-3),
    PREFIX("prefix", "prefix tuning", "tokens", Method.PREFIX_TUNING, 1e-1),
    PROMPT("prompt", "prompt tuning", "tokens", Method.PROMPT_TUNING, 3e-1),
    IA3("ia3", "IA3", "", Method.IA3, 1e-1);

    /** Bases below this many parameters stand larger steps than the engine's own rates; docs/methods.md has what was tried. */
    private static final long SMALL = 100_000_000;

    private final String key;
    private final String title;
    private final String unit;
    private final Method method;
    private final double smallRate;

    Kind(String key, String title, String unit, Method method, double smallRate) {
        this.key = key;
        this.title = title;
        this.unit = unit;
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

    /** What its size counts: r for the rank; empty where there is only one size. */
    String unit() {
        return unit;
    }

    Method method() {
        return method;
    }

    /** The peak learning rate where none is given. */
    double learningRate(long baseParameters) {
        return baseParameters < SMALL ? smallRate : method.learningRate();
    }
}
