package dev.lowrank.kernels.cpu;

/** What the products of one low-rank layer work in. */
final class LowRankWork implements AutoCloseable {
    private final LowRankFactors factors;
    private final LowRankSums sums;

    LowRankWork(Team team) {
        factors = new LowRankFactors(team);
        sums = new LowRankSums(team.size());
    }

    LowRankFactors factors() {
        return factors;
    }

    LowRankSums sums() {
        return sums;
    }

    @Override
    public void close() {
        factors.close();
        sums.close();
    }
}
