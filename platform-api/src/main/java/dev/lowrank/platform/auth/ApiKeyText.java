package dev.lowrank.platform.auth;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A key as its user holds it: {@code lr_<id>_<secret>}. The start up to the second underscore finds the row and may be
 * shown; the secret has 256 bits, and of the whole only the SHA-256 is stored: a slow hash would protect nothing here,
 * since there is nothing to guess.
 */
record ApiKeyText(String text, String prefix) {
    private static final Pattern FORM = Pattern.compile("(lr_[0-9A-Za-z]{12})_[0-9A-Za-z]{43}");
    private static final String ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static final int ID_LENGTH = 12;
    private static final int SECRET_LENGTH = 43;
    private static final SecureRandom RANDOM = new SecureRandom();

    static ApiKeyText generate() {
        String prefix = "lr_" + letters(ID_LENGTH);
        return new ApiKeyText(prefix + "_" + letters(SECRET_LENGTH), prefix);
    }

    /** Empty if a text has not the form of a key. */
    static Optional<ApiKeyText> parse(String text) {
        Matcher key = FORM.matcher(text);
        return key.matches() ? Optional.of(new ApiKeyText(text, key.group(1))) : Optional.empty();
    }

    byte[] hash() {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static String letters(int count) {
        StringBuilder letters = new StringBuilder(count);
        RANDOM.ints(count, 0, ALPHABET.length()).forEach(i -> letters.append(ALPHABET.charAt(i)));
        return letters.toString();
    }

    /** Without the secret, so that no log ever holds it. */
    @Override
    public String toString() {
        return prefix + "_…";
    }
}
