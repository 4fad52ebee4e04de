package dev.lowrank.engine.spec;

import java.util.List;

/**
 * A low-rank adapter: {@code y = W x + (alpha / rank) * B A dropout(x)}.
 *
 * @param targetModules names of the linear layers to adapt, each a whole module path or its ending
 *     ({@code "q_proj"}); or the single entry {@link #ALL_LINEAR}: every linear layer but the output projection
 */
public record AdapterSpec(int rank, double alpha, double dropout, List<String> targetModules, AdapterInit init) {
    public static final String ALL_LINEAR = "all-linear";

    public AdapterSpec {
        targetModules = List.copyOf(targetModules);
        require(rank >= 1 && rank <= 4096, "adapter.rank", "is %s, but must be between 1 and 4096.", rank);
        require(alpha > 0 && alpha < 1e6, "adapter.alpha", "is %s, but must be positive.", alpha);
        require(
                dropout >= 0 && dropout < 1,
                "adapter.dropout",
                "is %s, but must be at least 0 and less than 1.",
                dropout);
        require(
                !targetModules.isEmpty(),
                "adapter.target_modules",
                "is empty, so nothing would be trained; name modules or say \"all-linear\".");
    }

    private static void require(boolean holds, String field, String problem, Object... values) {
        if (!holds) {
            throw new SpecException(field, problem.formatted(values));
        }
    }

    /** {@code alpha / rank}. */
    public double scale() {
        return alpha / rank;
    }

    public boolean allLinear() {
        return targetModules.equals(List.of(ALL_LINEAR));
    }
}
