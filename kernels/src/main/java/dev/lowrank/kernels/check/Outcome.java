package dev.lowrank.kernels.check;

import dev.lowrank.kernels.DType;

/**
 * What one comparison found.
 *
 * @param activations what activations were stored as
 * @param seed numbers and shapes come from it
 * @param error the largest of the results' {@code |a - b| / |b|}, by their Euclidean norms; infinite where a number is none
 * @param most what it may be
 */
public record Outcome(String operation, DType activations, long seed, double error, double most) {
    public boolean passed() {
        return error <= most;
    }
}
