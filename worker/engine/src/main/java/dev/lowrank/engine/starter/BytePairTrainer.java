package dev.lowrank.engine.starter;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Learns a byte-level byte-pair vocabulary (Sennrich, Haddow, Birch 2016; bytes as in GPT-2): again and again the pair
 * of neighbouring symbols that is most frequent becomes a symbol of its own. Pairs never cross the borders of words, and
 * every digit is a word.
 */
final class BytePairTrainer {
    /** GPT-2's words, which tokenizer.json calls "ByteLevel with use_regex", after single digits were cut out. */
    private static final Pattern WORD = Pattern.compile(
            "\\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?=\\p{N})|\\s+(?!\\S)|\\s+");

    private static final class Word {
        final List<String> symbols;
        long count;

        Word(List<String> symbols) {
            this.symbols = symbols;
        }
    }

    private record Pair(String left, String right) {}

    /**
     * The result.
     *
     * @param symbols every symbol in the order of its id, the 256 bytes first
     * @param merges pairs in the order they were learned, each "left right"
     */
    record Vocabulary(List<String> symbols, List<String> merges) {}

    private BytePairTrainer() {}

    /** @param size symbols to end with, at least 256 */
    static Vocabulary train(Iterable<String> texts, int size) {
        List<Word> words = words(texts);
        List<String> symbols = new ArrayList<>(bytes());
        List<String> merges = new ArrayList<>();
        while (symbols.size() < size) {
            Pair best = mostFrequent(words);
            if (best == null) {
                break;
            }
            symbols.add(best.left + best.right);
            merges.add(best.left + " " + best.right);
            words.forEach(word -> merge(word.symbols, best));
        }
        return new Vocabulary(symbols, merges);
    }

    private static List<Word> words(Iterable<String> texts) {
        Map<String, Word> words = new LinkedHashMap<>();
        List<String> bytes = bytes();
        for (String text : texts) {
            Matcher matcher = WORD.matcher(text);
            while (matcher.find()) {
                words.computeIfAbsent(matcher.group(), w -> new Word(spelled(w, bytes))).count++;
            }
        }
        return List.copyOf(words.values());
    }

    private static List<String> spelled(String word, List<String> bytes) {
        List<String> symbols = new ArrayList<>();
        for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
            symbols.add(bytes.get(ORDER[b & 0xff]));
        }
        return symbols;
    }

    /** The most frequent pair; of equal ones the first in the alphabet, so that the result never varies. */
    private static @Nullable Pair mostFrequent(List<Word> words) {
        Map<Pair, Long> counts = new HashMap<>();
        for (Word word : words) {
            for (int i = 0; i + 1 < word.symbols.size(); i++) {
                counts.merge(new Pair(word.symbols.get(i), word.symbols.get(i + 1)), word.count, Long::sum);
            }
        }
        return counts.entrySet().stream()
                .filter(entry -> entry.getValue() > 1)
                .max(Map.Entry.<Pair, Long>comparingByValue()
                        .thenComparing(Map.Entry.comparingByKey(Comparator.comparing(Pair::left)
                                .thenComparing(Pair::right)
                                .reversed())))
                .map(Map.Entry::getKey)
                .orElse(null);
    }

    private static void merge(List<String> symbols, Pair pair) {
        for (int i = 0; i + 1 < symbols.size(); i++) {
            if (symbols.get(i).equals(pair.left) && symbols.get(i + 1).equals(pair.right)) {
                symbols.set(i, pair.left + pair.right);
                symbols.remove(i + 1);
            }
        }
    }

    /** Position of each byte among the symbols: the printable ones stand for themselves and come first. */
    private static final int[] ORDER = new int[256];

    private static final List<String> BYTES = new ArrayList<>();

    static {
        for (int pass = 0; pass < 2; pass++) {
            int moved = 256;
            for (int b = 0; b < 256; b++) {
                boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
                if (printable == (pass == 0)) {
                    ORDER[b] = BYTES.size();
                    BYTES.add(String.valueOf((char) (printable ? b : moved)));
                }
                moved += printable ? 0 : 1;
            }
        }
    }

    private static List<String> bytes() {
        return BYTES;
    }
}
