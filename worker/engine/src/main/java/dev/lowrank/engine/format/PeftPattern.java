package dev.lowrank.engine.format;

import java.util.ArrayList;
import java.util.List;

/**
 * A pattern for module paths, read as Python's {@code re} reads it and matched in bounded time: all states are followed at
 * once, so no pattern can make it go back and forth. Text is ASCII.
 *
 * <p>Known are literals, {@code .}, classes, {@code \d \w \s} and their opposites, groups, alternatives, greedy and lazy
 * repeats (laziness changes no answer), {@code ^ $ \b \B \A \Z} and looking ahead. What remembers (back-references) or
 * looks back is refused.
 */
public final class PeftPattern {
    private static final int LONGEST = 10_000;
    private static final int MOST_STEPS = 10_000;
    private static final int MOST_WORK = 400_000;
    private static final int MOST_REPEATS = 1000;
    private static final int DEEPEST = 40;

    /** A pattern that cannot be answered for a text within the work allowed. */
    static final class Costly extends IllegalArgumentException {
        private static final long serialVersionUID = 1;

        Costly() {
            super("takes too long to match");
        }
    }

    private final String source;
    private final Program program;

    private PeftPattern(String source, Program program) {
        this.source = source;
        this.program = program;
    }

    /**
     * Reads a pattern.
     *
     * @throws IllegalArgumentException if it is longer than 10,000 characters, is not sound, or uses what is not known
     *     here; the message continues a sentence after "the pattern"
     */
    public static PeftPattern of(String source) {
        if (source.length() > LONGEST) {
            throw new IllegalArgumentException("is longer than %d characters".formatted(LONGEST));
        }
        Node node = new Parser(source).parse();
        return new PeftPattern(source, new Compiler().compile(node));
    }

    /** The pattern that PEFT makes of a key of {@code rank_pattern}: the path or its ending after a dot. */
    static PeftPattern ending(String key) {
        of(key); // Refuses a key such as "a)(b", which would be sound only inside the group below.
        return of("(.*\\.)?(" + key + ")");
    }

    public String source() {
        return source;
    }

    /**
     * Whether a whole path matches.
     *
     * @throws IllegalArgumentException if answering takes too much work
     */
    public boolean matches(String path) {
        return new Matching(path).run(program, 0, true);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PeftPattern that && source.equals(that.source);
    }

    @Override
    public int hashCode() {
        return source.hashCode();
    }

    @Override
    public String toString() {
        return source;
    }

    private sealed interface Node {
        /** Any of a set of ASCII characters: bit c of {@code low} or {@code high}. */
        record One(long low, long high) implements Node {
            boolean has(int c) {
                return c < 64 ? (low >>> c & 1) != 0 : c < 128 && (high >>> c - 64 & 1) != 0;
            }

            One or(One that) {
                return new One(low | that.low, high | that.high);
            }

            One not() {
                return new One(~low, ~high);
            }

            static One of(int from, int to) {
                long low = 0;
                long high = 0;
                for (int c = from; c <= to; c++) {
                    low |= c < 64 ? 1L << c : 0;
                    high |= c < 64 ? 0 : 1L << c - 64;
                }
                return new One(low, high);
            }
        }

        record Sequence(List<Node> parts) implements Node {}

        record Choice(List<Node> options) implements Node {}

        /** {@code most} is -1 when there is no limit. */
        record Repeat(Node of, int least, int most) implements Node {}

        /** One of {@code ^ $ b B}. */
        record Place(char kind) implements Node {}

        record Ahead(Node of, boolean wanted) implements Node {}
    }

    private static final Node.One DIGIT = Node.One.of('0', '9');
    private static final Node.One WORD =
            DIGIT.or(Node.One.of('a', 'z')).or(Node.One.of('A', 'Z')).or(Node.One.of('_', '_'));
    private static final Node.One SPACE =
            Node.One.of('\t', '\r').or(Node.One.of(' ', ' ')).or(Node.One.of(0x1c, 0x1f));
    private static final Node.One NOT_NEWLINE = Node.One.of('\n', '\n').not();

    private static final class Parser {
        private final String text;
        private int at;
        private int depth;

        Parser(String text) {
            this.text = text;
        }

        Node parse() {
            Node node = choice();
            if (at < text.length()) {
                throw unsound("closes a group that was not opened");
            }
            return node;
        }

        private IllegalArgumentException unsound(String problem) {
            return new IllegalArgumentException("%s at character %d".formatted(problem, at + 1));
        }

        private boolean more() {
            return at < text.length();
        }

        private boolean take(String expected) {
            boolean there = text.startsWith(expected, at);
            at += there ? expected.length() : 0;
            return there;
        }

        private Node choice() {
            if (++depth > DEEPEST) {
                throw unsound("nests too deeply");
            }
            List<Node> options = new ArrayList<>();
            do {
                options.add(sequence());
            } while (take("|"));
            depth--;
            return options.size() == 1 ? options.getFirst() : new Node.Choice(options);
        }

        private Node sequence() {
            List<Node> parts = new ArrayList<>();
            while (more() && text.charAt(at) != '|' && text.charAt(at) != ')') {
                parts.add(repeated(atom()));
            }
            return new Node.Sequence(parts);
        }

        private Node repeated(Node atom) {
            Node node = atom;
            if (!more() || "*+?{".indexOf(text.charAt(at)) < 0) {
                return node;
            }
            if (atom instanceof Node.Place || atom instanceof Node.Ahead) {
                throw unsound("repeats what has no length");
            }
            if (take("*")) {
                node = new Node.Repeat(atom, 0, -1);
            } else if (take("+")) {
                node = new Node.Repeat(atom, 1, -1);
            } else if (take("?")) {
                node = new Node.Repeat(atom, 0, 1);
            } else {
                node = counted(atom);
            }
            take("?");
            if (more() && "*+?{".indexOf(text.charAt(at)) >= 0) {
                throw unsound("repeats a repeat");
            }
            return node;
        }

        private Node counted(Node atom) {
            int end = text.indexOf('}', at);
            String inside = end < 0 ? "" : text.substring(at + 1, end);
            if (!inside.matches("[0-9]{1,6}|[0-9]{0,6},[0-9]{1,6}|[0-9]{1,6},")) {
                throw unsound("has a { that counts nothing");
            }
            String[] bounds = inside.split(",", -1);
            int least = bounds[0].isEmpty() ? 0 : Integer.parseInt(bounds[0]);
            int most = bounds.length == 1 ? least : bounds[1].isEmpty() ? -1 : Integer.parseInt(bounds[1]);
            if (least > MOST_REPEATS || most > MOST_REPEATS || most >= 0 && most < least) {
                throw unsound("has a count that is wrong or too large");
            }
            at = end + 1;
            return new Node.Repeat(atom, least, most);
        }

        private Node atom() {
            char c = text.charAt(at);
            return switch (c) {
                case '(' -> group();
                case '[' -> set();
                case '\\' -> escape();
                case '.' -> taken(NOT_NEWLINE);
                case '^', '$' -> taken(new Node.Place(c));
                case '*', '+', '?', '{' -> throw unsound("repeats nothing");
                default -> taken(literal(c));
            };
        }

        private Node taken(Node node) {
            at++;
            return node;
        }

        private Node.One literal(char c) {
            if (c >= 128) {
                throw unsound("has a character outside ASCII");
            }
            return Node.One.of(c, c);
        }

        private Node group() {
            at++;
            boolean ahead = take("?=");
            boolean not = !ahead && take("?!");
            if (!ahead && !not && !take("?:") && take("?")) {
                named();
            }
            Node inside = choice();
            if (!take(")")) {
                throw unsound("does not close a group");
            }
            return ahead || not ? new Node.Ahead(inside, ahead) : inside;
        }

        private void named() {
            int end = text.indexOf('>', at);
            if (!text.startsWith("P<", at)
                    || end < 0
                    || !text.substring(at + 2, end).matches("[A-Za-z_]\\w*")) {
                throw unsound("uses a kind of group that is not supported");
            }
            at = end + 1;
        }

        private Node escape() {
            at++;
            if (!more()) {
                throw unsound("ends in a backslash");
            }
            char c = text.charAt(at);
            return switch (c) {
                case 'A' -> taken(new Node.Place('^'));
                case 'Z' -> taken(new Node.Place('$'));
                case 'b', 'B' -> taken(new Node.Place(c));
                default -> taken(escaped(c));
            };
        }

        private Node.One escaped(char c) {
            return switch (c) {
                case 'd' -> DIGIT;
                case 'D' -> DIGIT.not();
                case 'w' -> WORD;
                case 'W' -> WORD.not();
                case 's' -> SPACE;
                case 'S' -> SPACE.not();
                default -> {
                    if (Character.isLetterOrDigit(c)) {
                        throw unsound("uses \\%s, which is not supported,".formatted(c));
                    }
                    yield literal(c);
                }
            };
        }

        private Node set() {
            at++;
            boolean not = take("^");
            Node.One all = new Node.One(0, 0);
            boolean first = true;
            while (first || more() && text.charAt(at) != ']') {
                first = false;
                all = all.or(member());
            }
            if (!take("]")) {
                throw unsound("does not close a [");
            }
            return not ? all.not() : all;
        }

        private Node.One member() {
            if (!more()) {
                throw unsound("does not close a [");
            }
            for (String doubtful : List.of("[", "&&", "--", "||", "~~")) {
                if (text.startsWith(doubtful, at)) {
                    throw unsound("has %s inside [], whose meaning Python may change,".formatted(doubtful));
                }
            }
            Node.One from = single();
            boolean range = at + 1 < text.length() && text.charAt(at) == '-' && text.charAt(at + 1) != ']';
            if (!range) {
                return from;
            }
            at++;
            Node.One to = single();
            int low = only(from);
            int high = only(to);
            if (low < 0 || high < low) {
                throw unsound("has a wrong range inside []");
            }
            return Node.One.of(low, high);
        }

        private Node.One single() {
            char c = text.charAt(at++);
            if (c != '\\') {
                at--;
                Node.One one = literal(c);
                at++;
                return one;
            }
            if (!more()) {
                throw unsound("ends in a backslash");
            }
            Node.One one = escaped(text.charAt(at));
            at++;
            return one;
        }

        /** The character of a set of one, or -1. */
        private static int only(Node.One one) {
            if (Long.bitCount(one.low()) + Long.bitCount(one.high()) != 1) {
                return -1;
            }
            return one.low() != 0 ? Long.numberOfTrailingZeros(one.low()) : 64 + Long.numberOfTrailingZeros(one.high());
        }
    }

    /** One step of a program; {@code a} and {@code b} are the numbers of the steps that may follow. */
    private sealed interface Step {
        record Eat(Node.One one) implements Step {}

        record Fork(int a, int b) implements Step {}

        record At(char kind) implements Step {}

        record Look(Program inside, boolean wanted) implements Step {}

        record Done() implements Step {}
    }

    /** Steps in order: an eating or checking step is followed by the next one. */
    private record Program(List<Step> steps) {}

    private static final class Compiler {
        private int made;

        Program compile(Node node) {
            List<Step> steps = new ArrayList<>();
            add(steps, node);
            put(steps, new Step.Done());
            return new Program(List.copyOf(steps));
        }

        private void put(List<Step> steps, Step step) {
            if (++made > MOST_STEPS) {
                throw new IllegalArgumentException("is too large once its counted repeats are written out");
            }
            steps.add(step);
        }

        private void add(List<Step> steps, Node node) {
            switch (node) {
                case Node.One one -> put(steps, new Step.Eat(one));
                case Node.Place place -> put(steps, new Step.At(place.kind()));
                case Node.Sequence sequence -> sequence.parts().forEach(part -> add(steps, part));
                case Node.Choice choice -> addChoice(steps, choice.options());
                case Node.Repeat repeat -> addRepeat(steps, repeat);
                case Node.Ahead ahead -> {
                    Program inside = compile(ahead.of());
                    put(steps, new Step.Look(inside, ahead.wanted()));
                }
            }
        }

        /** fork(1, next); option 1; jump to the end; next: fork(2, …) */
        private void addChoice(List<Step> steps, List<Node> options) {
            List<Integer> ends = new ArrayList<>();
            for (int i = 0; i < options.size() - 1; i++) {
                int fork = steps.size();
                put(steps, new Step.Done());
                add(steps, options.get(i));
                ends.add(steps.size());
                put(steps, new Step.Done());
                steps.set(fork, new Step.Fork(fork + 1, steps.size()));
            }
            add(steps, options.getLast());
            ends.forEach(end -> steps.set(end, new Step.Fork(steps.size(), steps.size())));
        }

        private void addRepeat(List<Step> steps, Node.Repeat repeat) {
            for (int i = 0; i < repeat.least(); i++) {
                add(steps, repeat.of());
            }
            if (repeat.most() < 0) {
                int fork = steps.size();
                put(steps, new Step.Done());
                add(steps, repeat.of());
                put(steps, new Step.Fork(fork, fork));
                steps.set(fork, new Step.Fork(fork + 1, steps.size()));
                return;
            }
            List<Integer> forks = new ArrayList<>();
            for (int i = repeat.least(); i < repeat.most(); i++) {
                forks.add(steps.size());
                put(steps, new Step.Done());
                add(steps, repeat.of());
            }
            forks.forEach(fork -> steps.set(fork, new Step.Fork(fork + 1, steps.size())));
        }
    }

    /** One answer: the states that are alive at each character, each once. */
    private static final class Matching {
        private final String text;
        private int work;

        Matching(String text) {
            this.text = text;
        }

        boolean run(Program program, int from, boolean whole) {
            List<Step> steps = program.steps();
            int[] seen = new int[steps.size()];
            work += steps.size() / 16;
            List<Integer> alive = new ArrayList<>();
            boolean done = enter(steps, 0, from, seen, alive);
            for (int at = from; ; at++) {
                if (done && (!whole || at == text.length())) {
                    return true;
                }
                if (at == text.length() || alive.isEmpty()) {
                    return false;
                }
                List<Integer> next = new ArrayList<>();
                done = false;
                for (int step : alive) {
                    if (((Step.Eat) steps.get(step)).one().has(text.charAt(at))) {
                        done |= enter(steps, step + 1, at + 1, seen, next);
                    }
                }
                alive = next;
            }
        }

        /** Follows all that eats nothing; {@code seen[s] == at + 1} once step s was entered here. True if done. */
        private boolean enter(List<Step> steps, int first, int at, int[] seen, List<Integer> alive) {
            List<Integer> open = new ArrayList<>(List.of(first));
            boolean done = false;
            while (!open.isEmpty()) {
                int s = open.removeLast();
                if (seen[s] == at + 1) {
                    continue;
                }
                seen[s] = at + 1;
                if (++work > MOST_WORK) {
                    throw new Costly();
                }
                switch (steps.get(s)) {
                    case Step.Eat _ -> alive.add(s);
                    case Step.Fork fork -> {
                        open.add(fork.a());
                        open.add(fork.b());
                    }
                    case Step.At place -> {
                        if (holds(place.kind(), at)) {
                            open.add(s + 1);
                        }
                    }
                    case Step.Look look -> {
                        if (run(look.inside(), at, false) == look.wanted()) {
                            open.add(s + 1);
                        }
                    }
                    case Step.Done _ -> done = true;
                }
            }
            return done;
        }

        private boolean holds(char kind, int at) {
            boolean before = at > 0 && WORD.has(text.charAt(at - 1));
            boolean after = at < text.length() && WORD.has(text.charAt(at));
            return switch (kind) {
                case '^' -> at == 0;
                case '$' -> at == text.length();
                case 'b' -> before != after;
                default -> before == after;
            };
        }
    }
}
