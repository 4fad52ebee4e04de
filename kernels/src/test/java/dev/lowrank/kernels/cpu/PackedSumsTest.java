package dev.lowrank.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

class PackedSumsTest extends RowSumsTest {
    @Override
    RowSums make(Bf16Matmul.Part part) {
        assumeTrue(OneDnn.multipliesBf16(), "This processor does not multiply bf16.");
        OneDnn.stayOnThisThread();
        return new PackedSums(part);
    }
}
