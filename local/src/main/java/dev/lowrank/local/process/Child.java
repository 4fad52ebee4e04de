package dev.lowrank.local.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One program kept alive: started, its output logged, started again when it ends, until {@link #stop}. */
public final class Child {
    private final Program program;
    private final ChildLog log;
    private final ChildEvents events;
    private final Backoff backoff = new Backoff();
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Thread keeper;
    private volatile @Nullable Process process;
    private volatile int deaths;

    private Child(Program program, Path logFile, ChildEvents events) {
        this.program = program;
        this.log = new ChildLog(logFile);
        this.events = events;
        // A platform thread that lives as long as the process: Linux ties the parent-death signal to it.
        this.keeper =
                Thread.ofPlatform().daemon().name("child-" + program.name()).unstarted(this::keepAlive);
    }

    /** Starts the program, in the background; {@code events} hears how it fares. */
    public static Child start(Program program, Path logFile, ChildEvents events) {
        Child child = new Child(program, logFile, events);
        child.keeper.start();
        return child;
    }

    public String name() {
        return program.name();
    }

    /** How often the program ended by itself. */
    public int deaths() {
        return deaths;
    }

    /** The process that runs now, or null between two lives. */
    public @Nullable Process process() {
        return process;
    }

    /** The last lines it wrote. */
    public List<String> lastLines() {
        return log.tail();
    }

    private void keepAlive() {
        while (!isStopping()) {
            long startedAt = System.nanoTime();
            String ending = liveOnce();
            if (isStopping()) {
                return;
            }
            deaths++;
            Duration wait = backoff.after(Duration.ofNanos(System.nanoTime() - startedAt));
            events.restarting(program.name(), ending, wait);
            pause(wait);
        }
    }

    private String liveOnce() {
        try {
            Process started = program.start();
            process = started;
            if (isStopping()) {
                program.askToStop(started);
            }
            copyLines(started);
            return "ended with exit code " + started.waitFor();
        } catch (IOException e) {
            log.write("could not be started: " + e.getMessage());
            return "could not be started: " + e.getMessage();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "was interrupted";
        } finally {
            process = null;
        }
    }

    /** Until every holder of the pipe is gone or the process itself is (a grandchild may keep the pipe open). */
    private void copyLines(Process started) throws InterruptedException {
        Thread reader = Thread.ofVirtual().start(() -> readLines(started));
        started.waitFor();
        reader.join(Duration.ofSeconds(1));
    }

    private void readLines(Process started) {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(started.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                log.write(line);
                events.line(program.name(), line);
            }
        } catch (IOException e) {
            // The pipe closed under the reader: the process is gone.
        }
    }

    private void pause(Duration wait) {
        try {
            stopping.await(wait.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isStopping() {
        return stopping.getCount() == 0;
    }

    /** Asks the program to end; after this it is not started again. */
    public void askToStop() {
        stopping.countDown();
        Process running = process;
        if (running != null) {
            program.askToStop(running);
        }
    }

    /** Asks it to end, waits for the grace period, and kills it then. Returns whether it ended by itself. */
    public boolean stop(Duration grace) throws InterruptedException {
        askToStop();
        boolean ended = keeper.join(grace);
        Process running = process;
        if (!ended && running != null) {
            running.destroyForcibly();
            keeper.join(Duration.ofSeconds(5));
        }
        closeLog();
        return ended;
    }

    private void closeLog() {
        try {
            log.close();
        } catch (IOException e) {
            // Every line was flushed when it was written.
        }
    }
}
