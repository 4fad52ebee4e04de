package dev.lowrank.engine.format;

import org.jspecify.annotations.Nullable;

/**
 * What one tensor of an adapter is for.
 *
 * @param path the module in the base, such as {@code model.layers.0.self_attn.q_proj}; for {@link Role#SAVED} the whole
 *     name of the base's tensor; for a bottleneck its place, such as {@code layers.0.mlp}
 */
public record PeftKey(Role role, String path) implements Comparable<PeftKey> {
    private static final String BASE = "base_model.model.";

    /** The parts an adapter is made of, each with its shape. */
    public enum Role {
        /** [rank, in] */
        LORA_A(BASE, ".lora_A.weight"),
        /** [out, rank] */
        LORA_B(BASE, ".lora_B.weight"),
        /** DoRA's row norms: [out] */
        MAGNITUDE(BASE, ".lora_magnitude_vector"),
        /** The trained bias of a module that has an adapter: [out] */
        ADAPTED_BIAS(BASE, ".base_layer.bias"),
        /** The trained bias of another module: [out] */
        BIAS(BASE, ".bias"),
        /** A tensor of a module that is stored whole, in the base's shape. */
        SAVED(BASE, ""),
        /** Factors of a module's outputs, [out, 1], or of its inputs, [1, in] */
        IA3(BASE, ".ia3_l"),
        /** The one table of prompt tuning, [tokens, dim], or prefix tuning, [tokens, layers * 2 * dim] */
        PROMPT("", ""),
        /** [size, width] */
        DOWN_WEIGHT("", ".down.weight"),
        /** [size] */
        DOWN_BIAS("", ".down.bias"),
        /** [width, size] */
        UP_WEIGHT("", ".up.weight"),
        /** [width] */
        UP_BIAS("", ".up.bias");

        private final String prefix;
        private final String suffix;

        Role(String prefix, String suffix) {
            this.prefix = prefix;
            this.suffix = suffix;
        }
    }

    /** The table of prompt or prefix tuning. */
    public static final PeftKey PROMPT = new PeftKey(Role.PROMPT, "prompt_embeddings");

    public static PeftKey loraA(String module) {
        return new PeftKey(Role.LORA_A, module);
    }

    public static PeftKey loraB(String module) {
        return new PeftKey(Role.LORA_B, module);
    }

    public static PeftKey magnitude(String module) {
        return new PeftKey(Role.MAGNITUDE, module);
    }

    /** The trained bias of a module of the base, which PEFT names by whether the module has an adapter. */
    public static PeftKey bias(PeftLora config, String module) {
        return new PeftKey(config.modules().targets(module) ? Role.ADAPTED_BIAS : Role.BIAS, module);
    }

    /** @param tensor its name in the base, such as {@code lm_head.weight} */
    public static PeftKey saved(String tensor) {
        return new PeftKey(Role.SAVED, tensor);
    }

    public static PeftKey ia3(String module) {
        return new PeftKey(Role.IA3, module);
    }

    /** The tensor's name in the file. */
    public String name() {
        return role.prefix + path + role.suffix;
    }

    /** What a name means in a role; null if it is not of that form. */
    static @Nullable PeftKey parse(Role role, String name) {
        int from = role.prefix.length();
        int to = name.length() - role.suffix.length();
        boolean fits = to > from && name.startsWith(role.prefix) && name.endsWith(role.suffix);
        return fits ? new PeftKey(role, name.substring(from, to)) : null;
    }

    /** By the names in the file. */
    @Override
    public int compareTo(PeftKey that) {
        int byName = name().compareTo(that.name());
        return byName != 0 ? byName : role.compareTo(that.role);
    }

    @Override
    public String toString() {
        return name();
    }
}
