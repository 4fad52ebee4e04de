package dev.lowrank.engine.bench;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.FeedForwardLayers;
import dev.lowrank.kernels.LowRankBranch;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What an operation of the kernels is called in a profile and how much it multiplies, told from its arguments. */
final class Operation {
    /** Products with a side this short are another kind: they are bound by memory, and an adapter's. */
    private static final int THIN = 64;

    private Operation() {}

    static String label(String name, Object[] arguments) {
        if (!name.equals("matmul")) {
            return name;
        }
        long thinnest = Arrays.stream(extents(arguments)).min().orElseThrow();
        return thinnest <= THIN ? "matmul, thin (%d)".formatted(thinnest) : name;
    }

    /** Floating-point operations of its matrix products; 0 where it has none. */
    static double products(String name, Object[] arguments) {
        return switch (name) {
            case "matmul" -> 2.0 * Arrays.stream(extents(arguments)).reduce(1, Math::multiplyExact);
            case "lowRank" -> lowRank(arguments, 1, 2);
            case "lowRankBackward" -> lowRankBackward(arguments);
            case "lowRankBranches" -> branches(arguments, 1, 2);
            case "lowRankBranchesBackward" -> branches(arguments, last(arguments) == null ? 0 : 1, 4);
            case "feedForward" -> feedForward(arguments, 1, 2);
            case "feedForwardBackward" -> feedForward(arguments, last(arguments) == null ? 0 : 1, 4);
            case "attention" -> 4 * attention(arguments);
            case "attentionBackward" -> 8 * attention(arguments);
            case "linearCrossEntropy" -> head(arguments);
            default -> 0;
        };
    }

    /** {@code lowRankBackward(dy, x, h, layer, dA, dB, beta, dx)}: t, then a thin product for each of the others. */
    private static double lowRankBackward(@Nullable Object[] arguments) {
        boolean input = arguments[7] != null;
        double thin = 1 + (arguments[4] == null ? 0 : 1) + (arguments[5] == null ? 0 : 1) + (input ? 1 : 0);
        return lowRank(arguments, input ? 1 : 0, thin);
    }

    private static double branches(@Nullable Object[] arguments, int whole, double thin) {
        long rows = first(Tensor.class, arguments).rows();
        double sum = 0;
        for (Object branch : first(List.class, arguments)) {
            sum += lowRank(((LowRankBranch) branch).layer(), rows, whole, thin);
        }
        return sum;
    }

    /** Gate, up and down; the way back through down is needed even where no gradient of the input is. */
    private static double feedForward(@Nullable Object[] arguments, int whole, double thin) {
        FeedForwardLayers layers = first(FeedForwardLayers.class, arguments);
        long rows = first(Tensor.class, arguments).rows();
        return lowRank(layers.gate(), rows, whole, thin)
                + lowRank(layers.up(), rows, whole, thin)
                + lowRank(layers.down(), rows, 1, thin);
    }

    private static @Nullable Object last(@Nullable Object[] arguments) {
        return arguments[arguments.length - 1];
    }

    /** @param thin products with one of the factors, of which there are as many with a as with b */
    private static double lowRank(@Nullable Object[] arguments, int whole, double thin) {
        return lowRank(
                first(LowRankLayer.class, arguments),
                first(Tensor.class, arguments).rows(),
                whole,
                thin);
    }

    private static double lowRank(LowRankLayer layer, long rows, int whole, double thin) {
        double of = (double) layer.inputs() * layer.outputs() * whole;
        return 2.0 * rows * (of + thin / 2 * layer.rank() * (layer.inputs() + (double) layer.outputs()));
    }

    /** Rows, inner extent and columns of {@code matmul(a, transposeA, b, …, c)}. */
    private static long[] extents(Object[] arguments) {
        Tensor a = (Tensor) arguments[0];
        Tensor c = (Tensor) arguments[arguments.length - 1];
        return new long[] {c.rows(), a.size() / c.rows(), c.columns()};
    }

    /** Pairs of a query and a key, in all heads, times a head's width. */
    private static double attention(Object[] arguments) {
        Tensor queries = (Tensor) arguments[0];
        long pairs = first(Sequences.class, arguments)
                .pairs(first(AttentionShape.class, arguments).window());
        return (double) pairs * queries.columns();
    }

    /** {@code linearCrossEntropy(hidden, weight, target, losses, dHidden, dWeight, scratch)}, of a frozen one without dWeight. */
    private static double head(@Nullable Object[] arguments) {
        double weight = arguments[1] instanceof Packed packed
                ? (double) packed.rows() * packed.columns()
                : ((Tensor) Objects.requireNonNull(arguments[1])).size();
        long rows = first(TokenLoss.class, arguments).labels().size();
        long gradients = Arrays.stream(arguments, 4, arguments.length - 1)
                .filter(Objects::nonNull)
                .count();
        return 2.0 * (1 + gradients) * rows * weight;
    }

    private static <T> T first(Class<T> type, @Nullable Object[] arguments) {
        return Arrays.stream(arguments)
                .filter(type::isInstance)
                .map(type::cast)
                .findFirst()
                .orElseThrow();
    }
}
