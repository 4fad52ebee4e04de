package dev.lowrank.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

class TileProductTest extends StripProductTest {
    @Override
    StripProduct make() {
        assumeTrue(TileProduct.works(), "This processor has no tiles for bf16, or code cannot be written for them.");
        return new TileProduct();
    }
}
