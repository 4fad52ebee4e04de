package dev.lowrank.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.PhantomKernels;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import org.junit.jupiter.api.Test;

class CudaPhantomTest {
    /** A step's operations in small; what all workspaces hold at most afterwards. */
    private static long run(Kernels kernels, Workspace memory) {
        Tensor x = memory.take(DType.BF16, 40, 64);
        kernels.zero(x);
        Nf4 weight = Nf4.allocate(memory, 96, 64, true);
        kernels.quantizeNf4(zeros(kernels, memory, 96, 64), weight);
        LowRankLayer layer =
                new LowRankLayer(weight, false, zeros(kernels, memory, 4, 64), zeros(kernels, memory, 96, 4), 1);
        Tensor h = memory.take(DType.BF16, 40, 4);
        Tensor y = memory.take(DType.BF16, 40, 96);
        kernels.lowRank(x, layer, null, h, y);
        kernels.lowRankBackward(y, x, h, layer, null, null, 0, memory.take(DType.BF16, 40, 64));
        Sequences sequences = Sequences.ofStarts(new int[] {0, 15, 40});
        Tensor lse = memory.take(40, 6);
        kernels.attention(y, y, y, sequences, AttentionShape.causal(6, 6, 1), memory.take(DType.BF16, 40, 96), lse);
        Tensor labels = memory.take(DType.I32, 40);
        kernels.upload(new int[40], labels);
        Tensor head = zeros(kernels, memory, 300, 64);
        Tensor dHidden = memory.take(DType.BF16, 40, 64);
        kernels.linearCrossEntropy(x, head, TokenLoss.of(labels), null, dHidden, null, memory);
        return memory.peak();
    }

    private static Tensor zeros(Kernels kernels, Workspace memory, long rows, long columns) {
        Tensor tensor = memory.take(rows, columns);
        kernels.zero(tensor);
        return tensor;
    }

    @Test
    void takesWhatTheDeviceTakesToTheByte() {
        try (CudaKernels real = (CudaKernels) EmulatedKernels.openInOneOrder();
                Workspace memory = real.workspace();
                PhantomKernels phantom = real.phantom();
                Workspace imagined = phantom.workspace()) {
            long held = run(real, memory);
            assertThat(run(phantom, imagined)).isEqualTo(held);
            assertThat(phantom.peakBytes()).isEqualTo(held);
            assertThat(phantom.ownBytes()).isEqualTo(real.ownBytes()).isPositive();
        }
    }

    @Test
    void computesNothingAndSaysSo() {
        try (Kernels real = EmulatedKernels.openInOneOrder();
                PhantomKernels phantom = real.phantom();
                Workspace memory = phantom.workspace()) {
            assertThat(phantom.computes()).isFalse();
            assertThat(phantom.device()).isEqualTo(real.device());
            Tensor x = memory.take(1L << 40);
            assertThat(phantom.sumOfSquares(x)).isZero();
            assertThat(phantom.allFinite(x)).isTrue();
            assertThat(memory.reservedBytes()).isGreaterThanOrEqualTo(1L << 42);
        }
    }
}
