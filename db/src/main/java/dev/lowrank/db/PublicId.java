package dev.lowrank.db;

import java.security.SecureRandom;

/** Makes ids that cannot be guessed, in the forms of the OpenAI contract. */
public final class PublicId {
    private static final String ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static final int LENGTH = 24;
    private static final SecureRandom RANDOM = new SecureRandom();

    private PublicId() {}

    /** A new id such as {@code ftjob-…}. */
    public static String next(String prefix) {
        StringBuilder id = new StringBuilder(prefix);
        RANDOM.ints(LENGTH, 0, ALPHABET.length()).forEach(i -> id.append(ALPHABET.charAt(i)));
        return id.toString();
    }
}
