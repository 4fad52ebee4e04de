package dev.lowrank.engine.analyze;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One adapted module.
 *
 * @param parameters of A and B together; the whole weight has {@code in * out}
 * @param scale by which {@code B A} is multiplied; it is part of every figure below
 * @param singularValues of the update, descending; empty if it adds nothing
 * @param norm the update's Frobenius norm
 * @param effectiveRank the exponential of the entropy of the singular values as shares of their sum
 * @param aboveOnePercent singular values above a hundredth of the largest
 * @param covering90 leading singular values that hold 90 % of the energy
 * @param base how it compares with the base's weight; null if no base was given, or nothing is added
 * @param similarity phi of the leading input directions of this update (rows) and the other adapter's (columns); null if
 *     none was given, or one of the two does not adapt this module or adds nothing
 */
record LayerAnalysis(
        String module,
        int rank,
        int in,
        int out,
        long parameters,
        double scale,
        List<Double> singularValues,
        double norm,
        double effectiveRank,
        int aboveOnePercent,
        int covering90,
        @Nullable Amplification base,
        @Nullable List<List<Double>> similarity) {}
