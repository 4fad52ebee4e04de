package dev.lowrank.engine.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Judges the regular expressions of a tokenizer before the native library gets them: its matcher gives up after ten
 * million steps at one place, and giving up ends the process. Accepted is what published tokenizers are written in, where
 * a match takes steps in proportion to the text: alternatives of character classes with quantifiers, of which at most one
 * has to give characters back, groups that are taken once or left out, and looks around at a fixed distance. Every match
 * takes a character.
 */
final class SplitPattern {
    private static final int LONGEST = 4_000;
    private static final int DEEPEST = 8;
    private static final int LARGEST_COUNT = 16;
    private static final Pattern COUNT = Pattern.compile("\\{(\\d{1,3})?(,)?(\\d{1,3})?}");
    private static final String PLAIN_ESCAPES = "sSdDwWhHrntfv";
    private static final String PLACES = "bBAzZ";

    /** Thrown for a pattern that is not accepted; says why. */
    static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1;

        Refused(String reason) {
            super(reason, null, false, false);
        }
    }

    /**
     * One thing after another in an alternative.
     *
     * @param mayFail whether the match can end here
     * @param open whether it takes any number of characters
     * @param takes whether it takes at least one
     */
    private record Item(boolean mayFail, boolean open, boolean takes) {}

    private final String text;
    private int at;
    private int depth;

    private SplitPattern(String text) {
        this.text = text;
    }

    /** @throws Refused if matching could take long, match nothing or is written in a way not known here */
    static void check(String pattern) {
        if (pattern.length() > LONGEST) {
            throw new Refused("is longer than %d characters".formatted(LONGEST));
        }
        SplitPattern parse = new SplitPattern(pattern);
        Item whole = parse.alternatives();
        if (parse.at < pattern.length()) {
            throw new Refused("closes a bracket that is not open");
        }
        if (!whole.takes()) {
            throw new Refused("can match without taking a character");
        }
    }

    private Item alternatives() {
        if (++depth > DEEPEST) {
            throw new Refused("nests deeper than %d".formatted(DEEPEST));
        }
        Item all = sequence();
        while (at < text.length() && text.charAt(at) == '|') {
            at++;
            Item next = sequence();
            all = new Item(all.mayFail() && next.mayFail(), all.open() || next.open(), all.takes() && next.takes());
        }
        depth--;
        return all;
    }

    private Item sequence() {
        List<Item> items = new ArrayList<>();
        while (at < text.length() && text.charAt(at) != '|' && text.charAt(at) != ')') {
            items.add(item());
        }
        int last = items.size() - 1;
        while (last >= 0 && !items.get(last).mayFail()) {
            last--;
        }
        // What stands before the last thing that may fail has to give its characters back, one by one.
        if (last > 0 && items.subList(0, last).stream().filter(Item::open).count() > 1) {
            throw new Refused("has two parts of any length before a part that may fail, which can take very long");
        }
        return new Item(
                items.stream().anyMatch(Item::mayFail),
                items.stream().anyMatch(Item::open),
                items.stream().anyMatch(Item::takes));
    }

    private Item item() {
        char c = text.charAt(at);
        return switch (c) {
            case '(' -> group();
            case '[' -> {
                characterClass();
                yield quantified();
            }
            case '\\' -> escape();
            case '^', '$' -> {
                at++;
                yield place();
            }
            case '*', '+', '?', '{', '}', ']' -> throw new Refused("has a bare \"%s\"".formatted(c));
            default -> {
                at += Character.charCount(text.codePointAt(at));
                yield quantified();
            }
        };
    }

    private Item place() {
        if (at < text.length() && "*+?{".indexOf(text.charAt(at)) >= 0) {
            throw new Refused("repeats a place where nothing is taken");
        }
        return new Item(true, false, false);
    }

    private Item group() {
        int from = at;
        boolean looks = true;
        if (text.startsWith("(?=", at) || text.startsWith("(?!", at)) {
            at += 3;
        } else if (text.startsWith("(?<=", at) || text.startsWith("(?<!", at)) {
            at += 4;
        } else {
            looks = false;
            at += text.startsWith("(?:", at) ? 3 : text.startsWith("(?i:", at) ? 4 : 1;
            if (at == from + 1 && text.startsWith("?", at)) {
                throw new Refused("has a group of a kind that is not known here");
            }
        }
        Item inside = alternatives();
        if (at == text.length()) {
            throw new Refused("does not close a bracket");
        }
        at++;
        if (looks) {
            if (inside.open()) {
                throw new Refused("looks around at any distance");
            }
            return place();
        }
        boolean optional = text.startsWith("?", at);
        at += optional ? 1 : 0;
        if (at < text.length() && "*+?{".indexOf(text.charAt(at)) >= 0) {
            throw new Refused("repeats a group, which can take very long");
        }
        return optional ? new Item(false, inside.open(), false) : inside;
    }

    /** Finds a class's end; classes may stand inside of it. */
    private void characterClass() {
        int open = 0;
        do {
            if (at >= text.length()) {
                throw new Refused("does not close a bracket");
            }
            char c = text.charAt(at);
            if (c == '\\') {
                at++;
                if (at >= text.length()) {
                    throw new Refused("ends in a backslash");
                }
            } else if (c == '[') {
                open++;
                int next = text.startsWith("^", at + 1) ? at + 2 : at + 1;
                if (text.startsWith("]", next)) {
                    throw new Refused("has an empty class");
                }
            } else if (c == ']') {
                open--;
            }
            at++;
        } while (open > 0);
    }

    private Item escape() {
        if (at + 1 >= text.length()) {
            throw new Refused("ends in a backslash");
        }
        char c = text.charAt(at + 1);
        at += 2;
        if (PLACES.indexOf(c) >= 0) {
            return place();
        }
        if (c == 'p' || c == 'P' || c == 'x' && text.startsWith("{", at)) {
            int end = text.startsWith("{", at) ? text.indexOf('}', at) : -1;
            if (end < 0) {
                throw new Refused("has a \"\\%s\" without braces".formatted(c));
            }
            at = end + 1;
        } else if (c == 'x' || c == 'u') {
            at = Math.min(text.length(), at + (c == 'x' ? 2 : 4));
        } else if (PLAIN_ESCAPES.indexOf(c) < 0 && (c >= 0x80 || Character.isLetterOrDigit(c))) {
            throw new Refused("has a \"\\%s\", which is not known here".formatted(c));
        }
        return quantified();
    }

    /** One character, as often as the quantifier after it says. */
    private Item quantified() {
        if (at == text.length()) {
            return new Item(true, false, true);
        }
        char c = text.charAt(at);
        if (c == '{') {
            return counted();
        }
        if (c != '?' && c != '*' && c != '+') {
            return new Item(true, false, true);
        }
        at++;
        // Lazy or possessive: neither takes longer.
        if (at < text.length() && (text.charAt(at) == '?' || text.charAt(at) == '+')) {
            at++;
        }
        noMore();
        return new Item(c == '+', c != '?', c == '+');
    }

    private Item counted() {
        Matcher count = COUNT.matcher(text).region(at, text.length());
        if (!count.lookingAt() || count.group(1) == null) {
            throw new Refused("has a bare \"{\"");
        }
        int least = Integer.parseInt(count.group(1));
        boolean open = count.group(2) != null && count.group(3) == null;
        int most = count.group(3) == null ? least : Integer.parseInt(count.group(3));
        at = count.end();
        noMore();
        return new Item(least > 0, open || Math.max(least, most) > LARGEST_COUNT, least > 0);
    }

    private void noMore() {
        if (at < text.length() && "*+?{".indexOf(text.charAt(at)) >= 0) {
            throw new Refused("repeats what is repeated, which can take very long");
        }
    }
}
