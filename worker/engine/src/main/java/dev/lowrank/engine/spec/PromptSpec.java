package dev.lowrank.engine.spec;

import org.jspecify.annotations.Nullable;

/**
 * Prompt tuning: embeddings of virtual tokens that stand before the row.
 *
 * @param virtualTokens how many there are
 * @param initText what they start as; there for {@link PromptInit#TEXT} and only then
 */
public record PromptSpec(
        int virtualTokens, PromptInit init, @Nullable String initText) implements AdapterSpec {
    public PromptSpec {
        PrefixSpec.requireVirtualTokens(virtualTokens);
        SpecException.unless(
                init != PromptInit.TEXT || initText != null && !initText.isBlank(),
                "adapter.init_text",
                "is missing; init \"text\" needs the text the virtual tokens start as.");
        SpecException.unless(
                init == PromptInit.TEXT || initText == null,
                "adapter.init_text",
                "has no meaning with init \"%s\"; say init \"text\".",
                init.key());
    }

    @Override
    public boolean fits(Method method) {
        return method == Method.PROMPT_TUNING;
    }
}
