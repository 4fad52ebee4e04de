package dev.lowrank.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import org.junit.jupiter.api.Test;

/** What attention on CUDA promises less than its contract. */
class AttentionTest {
    @Test
    void refusesHeadsThatAreTooWide() {
        try (Kernels kernels = EmulatedKernels.openInOneOrder();
                Workspace memory = kernels.workspace()) {
            Tensor x = memory.take(DType.BF16, 2, 257);
            Tensor lse = memory.take(2, 1);
            Sequences sequences = Sequences.ofStarts(new int[] {0, 2});
            AttentionShape shape = AttentionShape.causal(1, 1, 1);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernels.attention(x, x, x, sequences, shape, x, null))
                    .withMessageContaining("heads of up to 256 elements, not 257");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernels.attentionBackward(x, x, x, x, x, lse, sequences, shape, x, x, x));
        }
    }
}
