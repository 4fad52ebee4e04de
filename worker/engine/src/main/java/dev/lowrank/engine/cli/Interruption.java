package dev.lowrank.engine.cli;

import java.util.concurrent.CountDownLatch;

/**
 * Turns SIGTERM and Ctrl-C into a request that the training loop polls: the JVM's shutdown waits until the run has
 * written its checkpoint and closed.
 */
final class Interruption implements AutoCloseable {
    private final CountDownLatch saved = new CountDownLatch(1);
    private final Thread hook = new Thread(this::holdShutdown, "shutdown-waits-for-checkpoint");
    private volatile boolean requested;

    private Interruption() {}

    static Interruption listen() {
        Interruption interruption = new Interruption();
        Runtime.getRuntime().addShutdownHook(interruption.hook);
        return interruption;
    }

    boolean requested() {
        return requested;
    }

    /**
     * Ends the process while its shutdown still waits: an exit of this thread's own would wait for the shutdown for ever,
     * and a shutdown let go would sometimes be first, with the code of the signal.
     */
    void exitWith(int code) {
        System.out.flush();
        System.err.flush();
        Runtime.getRuntime().halt(code);
    }

    private void holdShutdown() {
        requested = true;
        try {
            saved.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        saved.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The shutdown has begun, and nothing holds it up any more.
        }
    }
}
