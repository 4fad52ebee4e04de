package dev.lowrank.local;

import dev.lowrank.local.process.ChildEvents;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads what only the children's own lines say: the bootstrap key, and that a worker is ready for jobs. */
final class StartupLines implements ChildEvents {
    private static final Pattern KEY = Pattern.compile("\\blr_[A-Za-z0-9_-]{20,}");
    private static final Pattern WORKER_READY = Pattern.compile("Worker worker-\\S+ is ready");

    private final ChildEvents next;
    private final Set<String> ready = ConcurrentHashMap.newKeySet();
    private volatile @Nullable String key;
    private volatile boolean started;

    StartupLines(ChildEvents next) {
        this.next = next;
    }

    Optional<String> bootstrapKey() {
        return Optional.ofNullable(key);
    }

    /** Everything is up. */
    void started() {
        started = true;
    }

    boolean isReady(String worker) {
        return ready.contains(worker);
    }

    @Override
    public void line(String child, String line) {
        Matcher found = KEY.matcher(line);
        if (key == null && found.find()) {
            key = found.group();
        }
        if (WORKER_READY.matcher(line).find()) {
            ready.add(child);
        }
        next.line(child, line);
    }

    @Override
    public void restarting(String child, String ending, Duration wait) {
        // Before that a death is part of the reason why the start failed, which is told as a whole.
        if (started) {
            next.restarting(child, ending, wait);
        }
    }
}
