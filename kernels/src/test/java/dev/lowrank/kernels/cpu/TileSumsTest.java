package dev.lowrank.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

class TileSumsTest extends RowSumsTest {
    @Override
    RowSums make(Bf16Matmul.Part part) {
        assumeTrue(TileSums.works(), "This processor has no tiles for bf16, or code cannot be written for them.");
        return new TileSums();
    }
}
