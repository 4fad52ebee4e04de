package dev.lowrank.engine.compare;

import java.io.PrintStream;
import java.util.Locale;

/** Shows a comparison on the terminal: a line for each variant, which moves while it is being trained. */
final class ComparisonDisplay {
    private static final int WIDTH = 24;
    private static final long LINE_EVERY_NANOS = 10_000_000_000L;

    private final PrintStream out;
    private final boolean terminal =
            System.console() != null && System.console().isTerminal();
    private String head = "";
    private boolean worked;
    private long lastLine;

    ComparisonDisplay(PrintStream out) {
        this.out = out;
    }

    void begin(Variant variant, int number, int count) {
        head = String.format(Locale.ROOT, "[%2d/%d] %-30s", number, count, variant.label());
        worked = false;
        lastLine = System.nanoTime();
    }

    void progress(ChildProgress progress) {
        worked = true;
        int filled = (int) ((long) WIDTH * progress.done() / progress.total());
        String line = "%s %-9s %s%s %d/%d  %s"
                .formatted(
                        head,
                        progress.doing(),
                        "█".repeat(filled),
                        "░".repeat(WIDTH - filled),
                        progress.done(),
                        progress.total(),
                        progress.detail());
        if (terminal) {
            out.print("\r" + line + "\u001b[K");
            out.flush();
        } else if (System.nanoTime() - lastLine > LINE_EVERY_NANOS) {
            lastLine = System.nanoTime();
            out.println(line);
        }
    }

    void end(Result result) {
        out.println((terminal ? "\r\u001b[K" : "") + head + " " + outcome(result) + (worked ? "" : "  (kept)"));
        out.flush();
    }

    private static String outcome(Result result) {
        Judged judged = result.judged();
        if (judged == null) {
            return "failed: " + result.failure();
        }
        String quality =
                "loss " + Figures.loss(judged) + (judged.bleu() == null ? "" : "  BLEU " + Figures.bleu(judged));
        Trained trained = result.trained();
        return trained == null
                ? quality
                : "%s  %s values in %s  %s"
                        .formatted(
                                quality,
                                Figures.count(trained.trainableParameters()),
                                Figures.bytes(trained.checkpointBytes()),
                                Figures.seconds(trained.seconds()));
    }
}
