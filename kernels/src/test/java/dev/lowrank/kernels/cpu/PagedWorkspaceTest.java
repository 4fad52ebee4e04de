package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PagedWorkspaceTest {
    @TempDir
    private Path folder;

    @Test
    void holdsWhatIsPutThereAcrossSeveralChunks() {
        try (Kernels kernels = CpuKernels.open(2);
                Workspace memory = kernels.pagedWorkspace(folder)) {
            Tensor small = memory.take(100);
            Tensor large = memory.take(DType.U8, 3 << 20);
            kernels.upload(numbers(100), 0, small);
            kernels.zero(large);
            kernels.scale(small, 2);
            float[] found = new float[100];
            kernels.download(small, found, 0);
            assertThat(found[99]).isEqualTo(198);
            assertThat(memory.reservedBytes()).isBetween(3L << 20, 8L << 20);
        }
    }

    @Test
    void leavesNothingBehindInTheFolder() {
        try (Kernels kernels = CpuKernels.open(1);
                Workspace memory = kernels.pagedWorkspace(folder)) {
            kernels.zero(memory.take(1000));
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void moreThanTheDiskHasIsRefusedInOneSentenceBeforeAByteIsWritten() {
        try (Kernels kernels = CpuKernels.open(1);
                Workspace memory = kernels.pagedWorkspace(folder)) {
            assertThatThrownBy(() -> memory.take(DType.U8, 1L << 55))
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("has no room for paged memory")
                    .hasMessageContaining("free some")
                    .hasMessageContaining(folder.toString());
        }
        assertThat(folder).isEmptyDirectory();
    }

    private static float[] numbers(int count) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = i;
        }
        return numbers;
    }
}
