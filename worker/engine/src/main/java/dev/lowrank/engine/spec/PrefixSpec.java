package dev.lowrank.engine.spec;

/**
 * Prefix tuning: keys and values of virtual tokens that every layer's attention sees before the row.
 *
 * @param virtualTokens how many there are
 */
public record PrefixSpec(int virtualTokens) implements AdapterSpec {
    private static final int MOST = 1 << 16;

    public PrefixSpec {
        requireVirtualTokens(virtualTokens);
    }

    static void requireVirtualTokens(int tokens) {
        SpecException.unless(
                tokens >= 1 && tokens <= MOST,
                "adapter.virtual_tokens",
                "is %s, but must be between 1 and %s.",
                tokens,
                MOST);
    }

    @Override
    public boolean fits(Method method) {
        return method == Method.PREFIX_TUNING;
    }
}
