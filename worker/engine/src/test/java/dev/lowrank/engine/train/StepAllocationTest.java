package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a warm step leaves behind, on the heap and off it. */
class StepAllocationTest {
    /** The small objects of the tape and of calls: 0.3 MB for three blocks, and no array of a tensor's size. */
    private static final long MOST = 600_000;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    private Path folder;

    @Test
    void warmStepsOfAnyLengthLeaveLittleOnTheHeapAndReserveNothing() throws IOException {
        ShapedModel.SMOLLM_LIKE.write(folder.resolve("model"));
        Files.write(
                folder.resolve("rows.jsonl"),
                IntStream.range(0, 60).mapToObj(i -> row(20 + 7 * i % 40)).toList());
        for (String dtype : List.of("float32", "bfloat16")) {
            List<Long> steps = new ArrayList<>();
            TinyRun tiny = new TinyRun()
                    .with("base_model", folder.resolve("model").toString())
                    .with("training_file", folder.resolve("rows.jsonl").toString())
                    .training("gradient_accumulation", 1)
                    .training("checkpoint_every_steps", 1000)
                    .training("dtype", dtype);
            try (Kernels kernels = CpuKernels.open(2);
                    TrainingRun run = tiny.open(folder.resolve(dtype), kernels)) {
                long reserved = run.taken().reserved();
                run.train(new RunControl() {
                    private long before = allocated();

                    @Override
                    public void stepped(StepMetrics metrics) {
                        long now = allocated();
                        steps.add(now - before);
                        before = now;
                    }
                });
                assertThat(run.taken().reserved()).isEqualTo(reserved);
            }
            // On a busy machine steps leave more for long, until all of them is compiled.
            assertThat(Collections.min(steps)).as(dtype).isLessThan(MOST);
        }
    }

    private static String row(int length) {
        List<Integer> ids =
                IntStream.range(0, length).map(i -> 3 + i % 900).boxed().toList();
        return "{\"input_ids\": %s, \"labels\": %s}".formatted(ids, ids);
    }

    /** Bytes that the training thread and those of the kernels have allocated so far. */
    private static long allocated() {
        long own = Thread.currentThread().threadId();
        return Arrays.stream(THREADS.getThreadInfo(THREADS.getAllThreadIds()))
                .filter(thread -> thread != null)
                .filter(thread ->
                        thread.getThreadId() == own || thread.getThreadName().startsWith("kernels-"))
                .mapToLong(thread -> THREADS.getThreadAllocatedBytes(thread.getThreadId()))
                .sum();
    }
}
