package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.spec.GradientCheckpointing;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {
    private static final long MB = 1_000_000;

    private static MemoryPlan plan(long available, GradientCheckpointing wanted, boolean paged) {
        BaseMemory base = new BaseMemory(194 * MB, 100 * MB, 193 * MB, 193 * MB * 4127 / 8000);
        return new MemoryPlan(base, 20 * MB, 80 * MB, paged, 400 * MB, 90 * MB, available, wanted);
    }

    @Test
    void activationsAreKeptWhereAllFitsWithAMargin() {
        MemoryPlan plan = plan(710 * MB, GradientCheckpointing.AUTO, false);
        assertThat(plan.checkpointing()).isFalse();
        assertThat(plan.bytes()).isEqualTo(600 * MB);
        assertThat(plan)
                .hasToString(
                        "Memory: 100 MB for the base, 100 MB for what is trained with its optimizer, 400 MB for activations (90 MB with gradient checkpointing) of 710 MB available; no gradient checkpointing, since all of it fits with a margin of 15 %.");
    }

    @Test
    void activationsAreComputedAgainWhereTheMarginWouldBeGone() {
        MemoryPlan plan = plan(700 * MB, GradientCheckpointing.AUTO, false);
        assertThat(plan.checkpointing()).isTrue();
        assertThat(plan.bytes()).isEqualTo(290 * MB);
        assertThat(plan.toString())
                .endsWith("gradient checkpointing by layer, since all of it does not fit with a margin of 15 %.");
    }

    @Test
    void whatMayBePagedOutDoesNotCount() {
        MemoryPlan plan = plan(620 * MB, GradientCheckpointing.AUTO, true);
        assertThat(plan.checkpointing()).isFalse();
        assertThat(plan.toString()).contains("(80.0 MB of it paged)".replace("80.0", "80"));
    }

    @Test
    void whatTheSpecSaysIsDoneAndATightFitIsTold() {
        assertThat(plan(10_000 * MB, GradientCheckpointing.LAYER, false).checkpointing())
                .isTrue();
        MemoryPlan tight = plan(300 * MB, GradientCheckpointing.NONE, false);
        assertThat(tight.checkpointing()).isFalse();
        assertThat(tight.toString())
                .endsWith(
                        "no gradient checkpointing, as the spec says, which may be too little: lower \"training.micro_batch_size\" or \"training.max_length\".");
    }

    @Test
    void anUnknownAmountIsEnough() {
        assertThat(plan(Long.MAX_VALUE, GradientCheckpointing.AUTO, false).checkpointing())
                .isFalse();
    }

    @Test
    void baseSaysWhatAParameterReallyTakes() {
        assertThat(plan(MB, GradientCheckpointing.AUTO, false).base())
                .hasToString(
                        "The base's 194,000,000 values take 100 MB, the 193,000,000 in 4-bit linear layers 4.127 bits each.");
        assertThat(new BaseMemory(1000, 4000, 0, 0)).hasToString("The base's 1,000 values take 0.00 MB.");
    }

    @Test
    void memoryIsReservedInGrowingPieces() {
        assertThat(MemoryPlan.reserved(1)).isEqualTo(1 << 20);
        assertThat(MemoryPlan.reserved((4 << 20) + 1)).isEqualTo(8 << 20);
        assertThat(MemoryPlan.reserved(300L << 20)).isEqualTo(320L << 20);
    }
}
