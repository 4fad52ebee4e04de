package dev.lowrank.engine.merge;

/**
 * How far a merged model is from the adapter on the base it was trained on.
 *
 * @param trainedOn what that base was held in: {@code nf4}, {@code nf4 double} or {@code full precision}
 * @param dataset whether the rows compared are real ones; else their tokens are random
 * @param tokens compared
 * @param lossAsTrained mean cross-entropy in nats of the adapter on its base
 * @param lossMerged the same of the merged folder
 * @param meanDifference of two logits, absolute
 * @param largestDifference of two logits, absolute
 * @param sameChoice share of tokens after which both find the same token most likely
 */
public record Drift(
        String trainedOn,
        boolean dataset,
        int rows,
        long tokens,
        double lossAsTrained,
        double lossMerged,
        double meanDifference,
        double largestDifference,
        double sameChoice) {}
