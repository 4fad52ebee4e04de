package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class CompiledProductTest extends StripProductTest {
    @Override
    CompiledProduct make() {
        assumeTrue(OneDnn.multipliesBf16(), "This processor does not multiply bf16.");
        OneDnn.stayOnThisThread();
        return new CompiledProduct();
    }

    @Override
    double roundings(boolean term) {
        return term ? 0.5 : 1e-5;
    }

    /** A batch has as many tokens as its rows happen to have; compiling for each would cost more than the product. */
    @Test
    void compilesNothingForANewNumberOfTokensOnceWarm() {
        try (Arena memory = Arena.ofConfined();
                CompiledProduct product = make()) {
            MemorySegment a = memory.allocate(3000L * 72 * Short.BYTES);
            MemorySegment b = memory.allocate(PackedMatrix.bytes(72, 40));
            MemorySegment c = memory.allocate(3000L * 40 * Short.BYTES);
            long pitch = PackedMatrix.bytes(72, PackedMatrix.BLOCK);
            StripProduct.Factors factors = new StripProduct.Factors(a.address(), 72, b.address(), pitch, 72);
            StripProduct.Target target = new StripProduct.Target(c.address(), 40, true);
            for (int tokens = 1; tokens <= 300; tokens++) {
                product.run(tokens, 40, factors, null, target, false);
            }
            int warm = product.size();
            for (int tokens = 301; tokens <= 3000; tokens += 37) {
                product.run(tokens, 40, factors, null, target, false);
            }
            assertThat(product.size()).isEqualTo(warm);
        }
    }
}
