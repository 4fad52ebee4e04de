package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AvailableMemoryTest {
    private static final long GIB = 1L << 30;

    @TempDir
    private Path root;

    private void file(String path, String content) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        Files.writeString(file, content);
    }

    private long available() {
        return new AvailableMemory(root).bytes();
    }

    private void machine(long bytes) throws IOException {
        file(
                "proc/meminfo",
                "MemTotal:       99999999 kB\nMemFree:  12 kB\nMemAvailable:   %d kB\n".formatted(bytes >> 10));
    }

    @Test
    void withoutAGroupTheMachineDecides() throws IOException {
        machine(7 * GIB);
        assertThat(available()).isEqualTo(7 * GIB);
    }

    @Test
    void whereNothingIsSaidThereIsNoLimit() {
        assertThat(available()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void theTightestGroupAroundTheProcessCounts() throws IOException {
        machine(64 * GIB);
        file("proc/self/cgroup", "0::/kubepods/pod7/box\n");
        file("sys/fs/cgroup/kubepods/pod7/box/memory.max", "max\n");
        file("sys/fs/cgroup/kubepods/pod7/memory.max", "%d\n".formatted(8 * GIB));
        file("sys/fs/cgroup/kubepods/pod7/memory.current", "%d\n".formatted(3 * GIB));
        file("sys/fs/cgroup/kubepods/memory.max", "%d\n".formatted(32 * GIB));
        assertThat(available()).isEqualTo(5 * GIB);
    }

    @Test
    void pagesOfFilesCountAsFree() throws IOException {
        machine(64 * GIB);
        file("proc/self/cgroup", "0::/\n");
        file("sys/fs/cgroup/memory.max", "" + 4 * GIB);
        file("sys/fs/cgroup/memory.current", "" + 3 * GIB);
        file("sys/fs/cgroup/memory.stat", "anon 7\nfile 5\ninactive_file %d\nactive_file %d\n".formatted(GIB, GIB / 2));
        assertThat(available()).isEqualTo(5 * GIB / 2);
    }

    @Test
    void groupsOfVersionOneCountToo() throws IOException {
        machine(64 * GIB);
        file("proc/self/cgroup", "3:cpu,cpuacct:/docker/ab\n2:memory:/docker/ab\n0::/\n");
        file("sys/fs/cgroup/memory/memory.limit_in_bytes", "" + 2 * GIB);
        file("sys/fs/cgroup/memory/memory.usage_in_bytes", "" + GIB);
        file(
                "sys/fs/cgroup/memory/memory.stat",
                "inactive_file 5\ntotal_inactive_file %d\ntotal_active_file 0\n".formatted(GIB / 2));
        assertThat(available()).isEqualTo(3 * GIB / 2);
    }

    @Test
    void theMachineCountsWhereItHasLessThanTheGroupAllows() throws IOException {
        machine(GIB);
        file("proc/self/cgroup", "0::/a\n");
        file("sys/fs/cgroup/a/memory.max", "" + 4 * GIB);
        file("sys/fs/cgroup/a/memory.current", "0");
        assertThat(available()).isEqualTo(GIB);
    }
}
