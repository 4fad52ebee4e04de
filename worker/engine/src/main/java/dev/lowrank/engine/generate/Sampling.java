package dev.lowrank.engine.generate;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.InputException;
import java.util.stream.IntStream;

/**
 * How the next token is chosen from the logits.
 *
 * @param temperature 0 takes the most likely token; larger flattens the distribution
 * @param topK only the k most likely tokens are drawn from; 0 for all
 * @param topP only the most likely tokens that together have this probability; 1 for all
 * @param seed of the draw: the same seed draws the same text
 */
public record Sampling(double temperature, int topK, double topP, long seed) {
    /** Always the most likely token; the lowest id where two are equal. */
    public static final Sampling GREEDY = new Sampling(0, 0, 1, 0);

    public Sampling {
        if (!(temperature >= 0) || topK < 0 || !(topP > 0 && topP <= 1)) {
            throw new InputException(
                    "Sampling needs temperature >= 0, top-k >= 0 and 0 < top-p <= 1, but has %s, %d and %s."
                            .formatted(temperature, topK, topP));
        }
    }

    /** @param position of the token in the text, which makes each draw another one */
    int choose(float[] logits, int position) {
        if (temperature == 0) {
            return mostLikely(logits);
        }
        int[] ranked = IntStream.range(0, logits.length)
                .boxed()
                .sorted((a, b) -> Float.compare(logits[b], logits[a]))
                .mapToInt(Integer::intValue)
                .limit(topK == 0 ? logits.length : topK)
                .toArray();
        double[] weights = new double[ranked.length];
        double total = 0;
        for (int i = 0; i < ranked.length; i++) {
            weights[i] = Math.exp((logits[ranked[i]] - logits[ranked[0]]) / temperature);
            total += weights[i];
        }
        int kept = 0;
        double mass = 0;
        while (kept < ranked.length && mass < topP * total) {
            mass += weights[kept++];
        }
        double draw = CounterRandom.uniform(CounterRandom.key(seed), position) * mass;
        for (int i = 0; i < kept; i++) {
            draw -= weights[i];
            if (draw < 0) {
                return ranked[i];
            }
        }
        return ranked[kept - 1];
    }

    private static int mostLikely(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }
}
