package dev.lowrank.engine.spec;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;

/** The known name somebody probably meant. */
final class NearestName {
    private static final int FARTHEST = 3;

    private NearestName() {}

    /** The end of a sentence: the nearest of some names, or all of them. */
    static String among(Collection<String> known, String name) {
        return known.stream()
                .filter(one -> distance(one, name) <= FARTHEST)
                .min(Comparator.comparingInt(one -> distance(one, name)))
                .map("did you mean \"%s\"?"::formatted)
                .orElseGet(() -> known.isEmpty()
                        ? "nothing can be set here."
                        : "known here are: " + String.join(", ", known) + ".");
    }

    /** Levenshtein distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        Arrays.setAll(row, i -> i);
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int above = row[j];
                int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(changed, Math.min(above, row[j - 1]) + 1);
                diagonal = above;
            }
        }
        return row[b.length()];
    }
}
