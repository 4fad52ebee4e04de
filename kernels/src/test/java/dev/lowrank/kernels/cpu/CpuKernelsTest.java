package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.KernelsContract;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import org.junit.jupiter.api.Test;

/** The contract with three threads, so that no size divides evenly. */
class CpuKernelsTest extends KernelsContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }

    @Test
    void namesThreadsVectorsAndLibrary() {
        assertThat(kernels.device()).matches("CPU, 3 threads, .+, fp32 by oneDNN 3\\.\\d+\\.\\d+");
        try (Kernels one = CpuKernels.open(1)) {
            assertThat(one.device()).startsWith("CPU, 1 thread, ");
        }
    }

    @Test
    void refusesToWorkWithoutThreads() {
        assertThatIllegalArgumentException().isThrownBy(() -> CpuKernels.open(0));
    }

    @Test
    void refusesWorkAfterClosing() {
        Kernels closed = CpuKernels.open(2);
        closed.close();
        closed.close();
        assertThatIllegalStateException().isThrownBy(() -> closed.zero(memory.take(3)));
    }

    @Test
    void worksForOneCallerAfterAnother() throws InterruptedException {
        Tensor x = tensor(1, 2, 3);
        Thread other = new Thread(() -> kernels.scale(x, 2));
        other.start();
        other.join();
        kernels.scale(x, 2);
        assertThat(read(x)).containsExactly(4, 8, 12);
    }

    @Test
    void joinsSumsInTheSameOrderForEveryNumberOfThreads() {
        float[] values = new float[200_001];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(i) * 1000;
        }
        Tensor x = tensor(values);
        double three = kernels.sumOfSquares(x);
        for (int threads : new int[] {1, 2, 5}) {
            try (Kernels other = CpuKernels.open(threads)) {
                assertThat(other.sumOfSquares(x)).isEqualTo(three);
            }
        }
    }

    @Test
    void startsMemoryAtTheBoundariesOfCacheLines() {
        try (Workspace space = kernels.workspace()) {
            for (int size : new int[] {1, 13, 64, 300_000}) {
                assertThat(space.take(size).data().address() % 64).isZero();
            }
            assertThatIllegalArgumentException().isThrownBy(() -> space.take(3, -1));
        }
    }

    @Test
    void takesNothingFromAClosedWorkspace() {
        Workspace space = kernels.workspace();
        space.take(3);
        space.close();
        space.close();
        assertThat(space.reservedBytes()).isZero();
        assertThatIllegalStateException().isThrownBy(() -> space.take(3));
    }
}
