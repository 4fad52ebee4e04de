package dev.lowrank.engine.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How much memory this process may still take: what the machine has free, and what each control group around the process
 * leaves (version 1 or 2). Pages that only hold files count as free, since the kernel gives them up under pressure.
 */
final class AvailableMemory {
    private static final Pattern KILOBYTES = Pattern.compile("(?m)^MemAvailable:\\s+(\\d+) kB");
    private static final Pattern FILE_PAGES = Pattern.compile("(?m)^(?:total_)?(?:in)?active_file (\\d+)");
    private static final Pattern TOTAL_FILE_PAGES = Pattern.compile("(?m)^total_(?:in)?active_file (\\d+)");
    private static final long NO_LIMIT = Long.MAX_VALUE;

    private final Path root;

    /** @param root of the file system that holds {@code proc} and {@code sys} */
    AvailableMemory(Path root) {
        this.root = root;
    }

    static AvailableMemory ofThisProcess() {
        return new AvailableMemory(Path.of("/"));
    }

    /** Bytes, or {@link Long#MAX_VALUE} where the system does not say. */
    long bytes() {
        return Math.min(machine(), groups());
    }

    private long machine() {
        String text = read(root.resolve("proc/meminfo"));
        Matcher found = KILOBYTES.matcher(text == null ? "" : text);
        return found.find() ? Long.parseLong(found.group(1)) << 10 : NO_LIMIT;
    }

    private long groups() {
        String text = read(root.resolve("proc/self/cgroup"));
        long least = NO_LIMIT;
        for (String line : text == null ? List.<String>of() : text.lines().toList()) {
            String[] parts = line.split(":", 3);
            if (parts.length == 3 && parts[1].isEmpty()) {
                least = Math.min(least, within("sys/fs/cgroup", parts[2], "memory.max", "memory.current"));
            } else if (parts.length == 3 && List.of(parts[1].split(",")).contains("memory")) {
                least = Math.min(
                        least,
                        within("sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes"));
            }
        }
        return least;
    }

    /** A group is bound by every group around it; in a container the path may begin above what is mounted. */
    private long within(String mount, String group, String limitFile, String usageFile) {
        Path top = root.resolve(mount);
        Path folder = top.resolve(group.replaceFirst("^/+", "")).normalize();
        long least = left(top, limitFile, usageFile);
        while (folder.startsWith(top) && !folder.equals(top)) {
            least = Math.min(least, left(folder, limitFile, usageFile));
            folder = Objects.requireNonNull(folder.getParent());
        }
        return least;
    }

    private long left(Path group, String limitFile, String usageFile) {
        long limit = number(read(group.resolve(limitFile)));
        if (limit == NO_LIMIT) {
            return NO_LIMIT;
        }
        long used = number(read(group.resolve(usageFile)));
        long taken = used == NO_LIMIT ? 0 : Math.max(0, used - filePages(read(group.resolve("memory.stat"))));
        return Math.max(0, limit - taken);
    }

    /** Version 1 counts a group by itself and, in lines of their own, with the groups in it. */
    private static long filePages(@Nullable String stat) {
        String text = stat == null ? "" : stat;
        Pattern wanted = TOTAL_FILE_PAGES.matcher(text).find() ? TOTAL_FILE_PAGES : FILE_PAGES;
        return wanted.matcher(text)
                .results()
                .mapToLong(line -> Long.parseLong(line.group(1)))
                .sum();
    }

    /** "max" and a missing file mean no limit. */
    private static long number(@Nullable String text) {
        String digits = text == null ? "" : text.strip();
        return digits.matches("\\d{1,18}") ? Long.parseLong(digits) : NO_LIMIT;
    }

    private static @Nullable String read(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file) : null;
        } catch (IOException e) {
            return null;
        }
    }
}
