package dev.lowrank.engine.spec;

/** What is trained beside a frozen base: a new adapter of one kind, or one that exists already. */
public sealed interface AdapterSpec permits LoraSpec, BottleneckSpec, PrefixSpec, PromptSpec, Ia3Spec, InitialAdapter {
    /** Whether a method trains an adapter of this kind. */
    boolean fits(Method method);
}
