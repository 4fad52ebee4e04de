package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.memory.StackedWorkspace;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class StackedWorkspaceTest {
    private static Workspace workspace() {
        return new StackedWorkspace(new FreshPages());
    }

    @Test
    void peakIsTheGreatestHeightWithEachTensorOnALineOfItsOwn() {
        try (Workspace space = workspace()) {
            space.take(DType.U8, 1);
            long mark = space.mark();
            space.take(33);
            space.release(mark);
            space.take(DType.BF16, 3);
            assertThat(space.peak()).isEqualTo(64 + 192);
            assertThat(space.mark()).isEqualTo(128);
        }
    }

    @Test
    void whatIsReservedIsOnePieceAndSufficesUpToItsHeight() {
        try (Workspace space = workspace()) {
            space.reserve(100_000_001);
            assertThat(space.reservedBytes()).isEqualTo(100_000_064);
            Tensor all = space.take(DType.U8, 100_000_001);
            assertThat(all.data().get(ValueLayout.JAVA_BYTE, 100_000_000)).isZero();
            assertThat(space.reservedBytes()).isEqualTo(100_000_064);
        }
    }

    @Test
    void reservingLessThanThereIsChangesNothing() {
        try (Workspace space = workspace()) {
            space.reserve(3 << 20);
            space.reserve(1 << 20);
            assertThat(space.reservedBytes()).isEqualTo(3 << 20);
            space.reserve(5 << 20);
            assertThat(space.reservedBytes()).isEqualTo(5 << 20);
        }
    }

    @Test
    void moreThanWasReservedIsStillGiven() {
        try (Workspace space = workspace()) {
            space.reserve(1 << 20);
            space.take(DType.U8, 1 << 20);
            space.take(DType.U8, 1);
            assertThat(space.reservedBytes()).isGreaterThan(1 << 20);
        }
    }

    @Test
    void nothingIsReservedUnderTensorsThatAreOut() {
        try (Workspace space = workspace()) {
            space.take(1);
            assertThatThrownBy(() -> space.reserve(64)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void moreThanThereCanBeIsAnOutOfMemoryErrorAndTheWorkspaceStaysUsable() {
        try (Workspace space = workspace()) {
            assertThatThrownBy(() -> space.reserve(1L << 56)).isInstanceOf(OutOfMemoryError.class);
            assertThat(space.take(4).size()).isEqualTo(4);
        }
    }

    @Test
    void phantomTensorsHavePlacesThatCannotBeTouched() {
        try (Workspace space = StackedWorkspace.phantom(closed -> {})) {
            Tensor tensor = space.take(1 << 20, 1 << 10);
            Tensor part = tensor.slice(5, 2).reshape(1 << 11);
            assertThat(part.size()).isEqualTo(1 << 11);
            assertThat(space.peak()).isEqualTo(4L << 30);
            assertThatThrownBy(() -> part.data().get(ValueLayout.JAVA_FLOAT, 0)).isInstanceOf(RuntimeException.class);
            assertThatThrownBy(() -> tensor.data().fill((byte) 0)).isInstanceOf(RuntimeException.class);
        }
    }
}
