package dev.lowrank.engine.train;

/** Asks a run to stop once it has completed a number of steps. */
final class StopAfter implements RunControl {
    private final int steps;
    private int done;

    StopAfter(int steps) {
        this.steps = steps;
    }

    @Override
    public boolean stopRequested() {
        return done >= steps;
    }

    @Override
    public void stepped(StepMetrics metrics) {
        done = metrics.step();
    }
}
