package dev.lowrank.engine.spec;

/**
 * How the frozen base is kept.
 *
 * @param doubled whether the scales of the blocks are quantized too; only with {@link Type#NF4}
 */
public record Quantization(Type type, boolean doubled) {
    /** The base as it is. */
    public static final Quantization NONE = new Quantization(Type.NONE, false);

    /** The number format of the base's linear layers. */
    public enum Type implements Named {
        /** Not quantized. */
        NONE("none"),
        /** Four bits a weight in blocks of 64, as bitsandbytes does. */
        NF4("nf4");

        private final String key;

        Type(String key) {
            this.key = key;
        }

        @Override
        public String key() {
            return key;
        }
    }

    public Quantization {
        SpecException.unless(
                type == Type.NF4 || !doubled,
                "quantization.double",
                "has no meaning with type \"none\"; leave it out or say type \"nf4\".");
    }

    /** Whether the base is quantized at all. */
    public boolean quantizes() {
        return type != Type.NONE;
    }
}
