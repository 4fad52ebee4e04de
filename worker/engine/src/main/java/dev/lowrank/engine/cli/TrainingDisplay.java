package dev.lowrank.engine.cli;

import dev.lowrank.engine.train.CheckpointFolder;
import dev.lowrank.engine.train.RunControl;
import dev.lowrank.engine.train.StepMetrics;
import dev.lowrank.engine.train.Validation;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BooleanSupplier;

/** Shows a run on the terminal, and keeps its newest two checkpoints. */
final class TrainingDisplay implements RunControl {
    private static final int KEPT = 2;
    private static final int WIDTH = 28;
    private static final long LINE_EVERY_NANOS = 5_000_000_000L;

    private final PrintStream out;
    private final boolean terminal =
            System.console() != null && System.console().isTerminal();
    private final Deque<CheckpointFolder> kept = new ArrayDeque<>();
    private final int firstStep;
    private final long began = System.nanoTime();
    private BooleanSupplier stop = () -> false;
    private boolean lineOpen;
    private long lastLine;
    private double smoothed = Double.NaN;
    private double lastLoss = Double.NaN;
    private int skipped;

    TrainingDisplay(PrintStream out, int firstStep) {
        this.out = out;
        this.firstStep = firstStep;
    }

    void stopWhen(BooleanSupplier stop) {
        this.stop = stop;
    }

    double lastLoss() {
        return lastLoss;
    }

    @Override
    public boolean stopRequested() {
        return stop.getAsBoolean();
    }

    @Override
    public void stepped(StepMetrics metrics) {
        lastLoss = metrics.loss();
        smoothed = Double.isNaN(smoothed) ? metrics.loss() : 0.9 * smoothed + 0.1 * metrics.loss();
        boolean last = metrics.step() == metrics.totalSteps();
        if (terminal) {
            out.print("\r" + line(metrics) + "\u001b[K");
            lineOpen = !last;
            if (last) {
                out.println();
            }
            out.flush();
        } else if (last || System.nanoTime() - lastLine > LINE_EVERY_NANOS) {
            lastLine = System.nanoTime();
            out.println(line(metrics));
        }
    }

    @Override
    public void skipped(int step, String reason) {
        skipped++;
        show("Step %d was skipped: %s (%d so far).".formatted(step, reason, skipped));
    }

    @Override
    public void evaluated(Validation validation) {
        show("Step %d: validation loss %.4f, token accuracy %.1f %%%s"
                .formatted(
                        validation.step(),
                        validation.loss(),
                        100 * validation.tokenAccuracy(),
                        validation.best() ? " (the best so far)" : ""));
    }

    @Override
    public void stoppedEarly(String reason) {
        show(reason);
    }

    /** A line of its own, below the bar that may stand in the terminal's last line. */
    private void show(String line) {
        if (lineOpen) {
            out.println();
            lineOpen = false;
        }
        out.println(line);
    }

    @Override
    public void checkpointed(CheckpointFolder checkpoint) {
        kept.addLast(checkpoint);
        if (kept.size() > KEPT) {
            kept.removeFirst();
        }
        if (kept.size() == KEPT) {
            try {
                kept.getFirst().removeOlder();
            } catch (IOException e) {
                throw new UncheckedIOException("Cannot remove an old checkpoint: " + e.getMessage(), e);
            }
        }
    }

    private String line(StepMetrics metrics) {
        int filled = (int) ((long) WIDTH * metrics.step() / metrics.totalSteps());
        String bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
        return "%s %d/%d  loss %.4f  grad %.3f  lr %.2e  %,.0f tokens/s  %s left"
                .formatted(
                        bar,
                        metrics.step(),
                        metrics.totalSteps(),
                        smoothed,
                        metrics.gradNorm(),
                        metrics.learningRate(),
                        metrics.tokensPerSecond(),
                        timeLeft(metrics));
    }

    private String timeLeft(StepMetrics metrics) {
        double perStep = (System.nanoTime() - began) / 1e9 / (metrics.step() - firstStep);
        long seconds = Math.round(perStep * (metrics.totalSteps() - metrics.step()));
        return seconds >= 3600
                ? "%dh %02dm".formatted(seconds / 3600, seconds % 3600 / 60)
                : "%dm %02ds".formatted(seconds / 60, seconds % 60);
    }
}
