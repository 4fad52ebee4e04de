package dev.lowrank.local.demo;

import dev.lowrank.local.terminal.Terminal;
import java.util.Locale;

/** A job's progress in one line: a bar with a loss curve on a terminal, plain words elsewhere. */
final class ProgressLine {
    private static final int WIDEST_BAR = 32;
    private static final int NARROWEST_BAR = 8;
    private static final int CURVE_WIDTH = 16;

    private final Terminal terminal;

    ProgressLine(Terminal terminal) {
        this.terminal = terminal;
    }

    /** For a terminal: fits its width. */
    String drawn(Progress progress) {
        String numbers = numbers(progress);
        String curve = Sparkline.of(progress.losses(), CURVE_WIDTH);
        int room = terminal.columns() - 1 - "  Training ".length() - numbers.length() - curve.length() - 3;
        int width = Math.clamp(room, NARROWEST_BAR, WIDEST_BAR);
        if (room < NARROWEST_BAR) {
            curve = "";
        }
        return "  Training " + bar(progress.share(), width) + " " + numbers + " " + terminal.cyan(curve);
    }

    /** For a log: the same without drawing. */
    String plain(Progress progress) {
        return "  step " + numbers(progress);
    }

    private String bar(double share, int width) {
        int done = (int) Math.round(share * width);
        return terminal.cyan("━".repeat(done)) + terminal.dim("─".repeat(width - done));
    }

    private static String numbers(Progress progress) {
        StringBuilder text = new StringBuilder();
        text.append(progress.step()).append('/').append(progress.totalSteps() == 0 ? "?" : progress.totalSteps());
        if (!progress.losses().isEmpty()) {
            text.append("  loss ").append(loss(progress.losses().getLast()));
        }
        Double speed = progress.tokensPerSecond();
        if (speed != null) {
            text.append("  ").append(Math.round(speed)).append(" tokens/s");
        }
        Double left = progress.secondsLeft();
        if (left != null) {
            text.append("  ").append(duration(left)).append(" left");
        }
        return text.toString();
    }

    static String loss(double loss) {
        return String.format(Locale.ROOT, loss < 0.1 ? "%.4f" : "%.3f", loss);
    }

    /** Minutes and seconds: {@code 1:05}. */
    static String duration(double seconds) {
        long whole = Math.round(seconds);
        return String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60);
    }
}
