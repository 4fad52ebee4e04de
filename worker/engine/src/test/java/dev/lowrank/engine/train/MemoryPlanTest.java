package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.spec.GradientCheckpointing;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {
    private static final long MB = 1_000_000;

    private static MemoryPlan plan(long available, GradientCheckpointing wanted, boolean paged) {
        BaseMemory base = new BaseMemory(194 * MB, 100 * MB, 193 * MB, 193 * MB * 4127 / 8000);
        return new MemoryPlan(
                base,
                101 * MB,
                0,
                20 * MB,
                80 * MB,
                paged,
                400 * MB,
                90 * MB,
                7 * MB,
                new Room(92 * MB, available),
                wanted);
    }

    @Test
    void activationsAreKeptWhereAllFitsWithAMargin() {
        MemoryPlan plan = plan(780 * MB, GradientCheckpointing.AUTO, false);
        assertThat(plan.checkpointing()).isFalse();
        assertThat(plan.bytes()).isEqualTo(700 * MB);
        assertThat(plan.scratch()).isEqualTo(400 * MB);
        assertThat(plan)
                .hasToString(
                        "Memory: 101 MB for the base, 100 MB for what is trained with its optimizer, 400 MB for activations (90 MB with gradient checkpointing), 99 MB for everything else, 700 MB of 780 MB available; no gradient checkpointing, since all of it fits with a margin of 10 %.");
    }

    @Test
    void activationsAreComputedAgainWhereTheMarginWouldBeGone() {
        MemoryPlan plan = plan(770 * MB, GradientCheckpointing.AUTO, false);
        assertThat(plan.checkpointing()).isTrue();
        assertThat(plan.bytes()).isEqualTo(390 * MB);
        assertThat(plan.scratch()).isEqualTo(90 * MB);
        assertThat(plan.toString())
                .endsWith("gradient checkpointing by layer, since all of it does not fit with a margin of 10 %.");
    }

    @Test
    void whatMayBePagedOutDoesNotCount() {
        MemoryPlan plan = plan(690 * MB, GradientCheckpointing.AUTO, true);
        assertThat(plan.checkpointing()).isFalse();
        assertThat(plan.bytes()).isEqualTo(620 * MB);
        assertThat(plan.toString()).contains("(80 MB of it paged)");
    }

    @Test
    void whatTheSpecSaysIsDoneWhetherItFitsOrNot() {
        assertThat(plan(10_000 * MB, GradientCheckpointing.LAYER, false).checkpointing())
                .isTrue();
        MemoryPlan tight = plan(700 * MB, GradientCheckpointing.NONE, false);
        assertThat(tight.checkpointing()).isFalse();
        assertThat(tight.fits()).isTrue();
        assertThat(plan(700 * MB - 1, GradientCheckpointing.NONE, false).fits()).isFalse();
    }

    @Test
    void anUnknownAmountIsEnough() {
        MemoryPlan plan = plan(Long.MAX_VALUE, GradientCheckpointing.AUTO, false);
        assertThat(plan.checkpointing()).isFalse();
        assertThat(plan.fits()).isTrue();
        assertThat(plan.toString()).contains("of an unknown amount available");
    }

    @Test
    void itemsAddUpToTheWhole() {
        for (boolean paged : new boolean[] {false, true}) {
            MemoryPlan plan = plan(100 * MB, GradientCheckpointing.AUTO, paged);
            assertThat(plan.items().stream().mapToLong(MemoryPlan.Item::bytes).sum())
                    .isEqualTo(plan.bytes());
        }
    }

    @Test
    void baseSaysWhatAParameterReallyTakes() {
        assertThat(plan(MB, GradientCheckpointing.AUTO, false).base())
                .hasToString(
                        "The base's 194,000,000 values take 100 MB, the 193,000,000 in 4-bit linear layers 4.127 bits each.");
        assertThat(new BaseMemory(1000, 4000, 0, 0)).hasToString("The base's 1,000 values take 0.00 MB.");
    }
}
