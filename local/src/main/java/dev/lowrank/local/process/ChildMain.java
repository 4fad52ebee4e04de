package dev.lowrank.local.process;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;

/**
 * The main class of every Java child: runs the main class named by its first argument, and ends this process when
 * standard input ends, which happens when the parent dies, however it died.
 */
public final class ChildMain {
    /** A worker needs this long at most to write a checkpoint. */
    private static final long EXIT_GRACE_MILLIS = 20_000;

    private ChildMain() {}

    public static void main(String[] args) throws Throwable {
        Thread.ofPlatform().daemon().name("parent-watch").start(ChildMain::exitWithParent);
        try {
            Class.forName(args[0]).getMethod("main", String[].class).invoke(null, (Object)
                    Arrays.copyOfRange(args, 1, args.length));
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static void exitWithParent() {
        awaitEndOfInput();
        System.err.println("The parent process is gone; this one ends too.");
        Thread.ofPlatform().daemon().name("exit-deadline").start(ChildMain::haltAfterGrace);
        System.exit(143);
    }

    private static void awaitEndOfInput() {
        try {
            while (System.in.read() != -1) {
                continue;
            }
        } catch (IOException e) {
            // A broken pipe says the same as its end.
        }
    }

    private static void haltAfterGrace() {
        try {
            Thread.sleep(EXIT_GRACE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(143);
    }
}
