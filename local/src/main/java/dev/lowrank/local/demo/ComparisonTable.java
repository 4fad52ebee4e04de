package dev.lowrank.local.demo;

import dev.lowrank.local.terminal.Terminal;
import java.util.ArrayList;
import java.util.List;

/** The same held-out prompts, answered by the base and by the adapter. */
public final class ComparisonTable {
    private static final int WIDEST = 120;
    private static final List<String> TITLES = List.of("prompt", "expected", "base", "adapter");
    private static final String GAP = "  ";
    private static final String INDENT = "    ";
    private static final int LONGEST_TITLE = "expected".length();

    private final Terminal terminal;

    public ComparisonTable(Terminal terminal) {
        this.terminal = terminal;
    }

    /** A table where its cells fit side by side, else a block for each prompt; no line is wider than the terminal. */
    public List<String> lines(Evaluation base, Evaluation adapter) {
        List<List<String>> rows = rows(base, adapter);
        int[] widths = widths(rows);
        if (sum(widths) > room(widths.length)) {
            return blocks(rows, base, adapter);
        }
        List<String> lines = new ArrayList<>();
        lines.add(terminal.dim(line(TITLES, widths).stripTrailing()));
        for (int i = 0; i < rows.size(); i++) {
            lines.add(coloured(
                    rows.get(i),
                    widths,
                    base.samples().get(i),
                    adapter.samples().get(i)));
        }
        return lines;
    }

    private static List<List<String>> rows(Evaluation base, Evaluation adapter) {
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < Math.min(base.samples().size(), adapter.samples().size()); i++) {
            Evaluation.Sample before = base.samples().get(i);
            rows.add(List.of(
                    flat(before.prompt()),
                    flat(before.expected()),
                    flat(before.answer()),
                    flat(adapter.samples().get(i).answer())));
        }
        return rows;
    }

    /** Control characters of a model's answer must not reach the terminal. */
    private static String flat(String text) {
        return text.strip().replaceAll("[\\p{Cntrl}\\s]+", " ");
    }

    private List<String> blocks(List<List<String>> rows, Evaluation base, Evaluation adapter) {
        int room = Math.min(WIDEST, terminal.columns()) - 1;
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            List<String> row = rows.get(i);
            int answerRoom = room - INDENT.length() - LONGEST_TITLE - GAP.length();
            lines.add(GAP + terminal.bold(cut(row.get(0), room - GAP.length())));
            lines.add(INDENT + terminal.dim("expected") + GAP + cut(row.get(1), answerRoom));
            lines.add(INDENT
                    + terminal.dim("base    ")
                    + GAP
                    + judged(cut(row.get(2), answerRoom), base.samples().get(i)));
            lines.add(INDENT
                    + terminal.dim("adapter ")
                    + GAP
                    + judged(cut(row.get(3), answerRoom), adapter.samples().get(i)));
        }
        return lines;
    }

    /** As wide as the widest cell. */
    private static int[] widths(List<List<String>> rows) {
        int[] widths = new int[TITLES.size()];
        for (int column = 0; column < widths.length; column++) {
            widths[column] = TITLES.get(column).length();
            for (List<String> row : rows) {
                widths[column] = Math.max(widths[column], row.get(column).length());
            }
        }
        return widths;
    }

    private int room(int columns) {
        return Math.min(WIDEST, terminal.columns()) - 1 - GAP.length() * columns;
    }

    private static int sum(int[] widths) {
        return java.util.Arrays.stream(widths).sum();
    }

    private static String line(List<String> cells, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < widths.length; column++) {
            line.append(GAP).append(cell(cells.get(column), widths[column]));
        }
        return line.toString();
    }

    private String coloured(List<String> cells, int[] widths, Evaluation.Sample base, Evaluation.Sample adapter) {
        return GAP
                + cell(cells.get(0), widths[0])
                + GAP
                + terminal.bold(cell(cells.get(1), widths[1]))
                + GAP
                + judged(cell(cells.get(2), widths[2]), base)
                + GAP
                + judged(cell(cells.get(3), widths[3]).stripTrailing(), adapter);
    }

    private String judged(String cell, Evaluation.Sample sample) {
        return sample.isRight() ? terminal.green(cell) : terminal.red(cell);
    }

    private static String cell(String text, int width) {
        return text + " ".repeat(width - text.length());
    }

    private static String cut(String text, int width) {
        return text.length() <= width ? text : text.substring(0, Math.max(0, width - 1)) + "…";
    }
}
