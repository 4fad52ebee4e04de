package dev.lowrank.engine.evaluate;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * BLEU-4 of a whole set of answers (Papineni et al. 2002), as sacreBLEU computes it without smoothing: each answer's
 * n-grams count at most as often as in the reference that has them most often, and answers that are together shorter than
 * their closest references are penalised.
 *
 * @param score from 0 to 100
 * @param precisions of 1-, 2-, 3- and 4-grams, from 0 to 1
 * @param brevityPenalty 1 where the answers are long enough
 * @param answerTokens of all answers
 * @param referenceTokens of the reference closest in length to each answer, the shorter of two equally close
 */
public record Bleu(
        double score, List<Double> precisions, double brevityPenalty, long answerTokens, long referenceTokens) {
    private static final int LONGEST = 4;

    public Bleu {
        precisions = List.copyOf(precisions);
    }

    /**
     * Judges answers.
     *
     * @param references for each answer at least one
     */
    public static Bleu of(List<String> answers, List<List<String>> references) {
        if (answers.size() != references.size()) {
            throw new IllegalArgumentException(
                    "%d answers, but references for %d".formatted(answers.size(), references.size()));
        }
        long[] matched = new long[LONGEST];
        long[] total = new long[LONGEST];
        long answerTokens = 0;
        long referenceTokens = 0;
        for (int i = 0; i < answers.size(); i++) {
            List<String> answer = BleuTokens.of(answers.get(i));
            List<List<String>> wanted =
                    references.get(i).stream().map(BleuTokens::of).toList();
            answerTokens += answer.size();
            referenceTokens += closestLength(answer.size(), wanted);
            for (int n = 1; n <= LONGEST; n++) {
                matched[n - 1] += matches(answer, wanted, n);
                total[n - 1] += Math.max(0, answer.size() - n + 1);
            }
        }
        double penalty = answerTokens >= referenceTokens
                ? 1
                : answerTokens == 0 ? 0 : Math.exp(1 - (double) referenceTokens / answerTokens);
        List<Double> precisions = Stream.of(0, 1, 2, 3)
                .map(n -> total[n] == 0 ? 0 : (double) matched[n] / total[n])
                .toList();
        double logs = precisions.stream().mapToDouble(Math::log).sum();
        return new Bleu(100 * penalty * Math.exp(logs / LONGEST), precisions, penalty, answerTokens, referenceTokens);
    }

    private static int closestLength(int length, List<List<String>> references) {
        int closest = references.getFirst().size();
        for (List<String> reference : references) {
            int nearer = Math.abs(reference.size() - length) - Math.abs(closest - length);
            if (nearer < 0 || nearer == 0 && reference.size() < closest) {
                closest = reference.size();
            }
        }
        return closest;
    }

    private static long matches(List<String> answer, List<List<String>> references, int n) {
        Map<List<String>, Integer> most = new HashMap<>();
        for (List<String> reference : references) {
            grams(reference, n).forEach((gram, count) -> most.merge(gram, count, Math::max));
        }
        long matches = 0;
        for (Map.Entry<List<String>, Integer> gram : grams(answer, n).entrySet()) {
            matches += Math.min(gram.getValue(), most.getOrDefault(gram.getKey(), 0));
        }
        return matches;
    }

    private static Map<List<String>, Integer> grams(List<String> tokens, int n) {
        Map<List<String>, Integer> counts = new HashMap<>();
        for (int i = 0; i + n <= tokens.size(); i++) {
            counts.merge(tokens.subList(i, i + n), 1, Integer::sum);
        }
        return counts;
    }
}
