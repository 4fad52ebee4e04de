package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchPlanTest {
    private static final int ROWS = 101;
    private static final int CAPACITY = 50;

    @Test
    void rowsGoIntoTheFirstPackWithRoom() {
        int[] lengths = {6, 5, 4, 3, 7, 2, 1};
        List<int[]> packs = Packs.firstFit(IntStream.range(0, 7).toArray(), row -> lengths[row], 10);
        assertThat(packs).containsExactly(new int[] {0, 2}, new int[] {1, 3, 5}, new int[] {4, 6});
        assertThat(Packs.firstFit(new int[] {4}, row -> lengths[row], 10)).containsExactly(new int[] {4});
    }

    @Test
    void everyEpochHoldsEachRowOnceInPacksThatAreNotTooLong() {
        BatchPlan plan = plan("\"packing\": true, \"shuffle\": true, \"epochs\": 3, \"micro_batch_size\": 1");
        List<int[]> micros = all(plan);
        int[] seen = new int[ROWS];
        for (int[] micro : micros) {
            assertThat(Arrays.stream(micro).map(BatchPlanTest::tokens).sum()).isLessThanOrEqualTo(CAPACITY);
            Arrays.stream(micro).forEach(row -> seen[row]++);
        }
        assertThat(seen).containsOnly(3);
        assertThat(micros.size()).isLessThan(2 * ROWS).isEqualTo(plan.totalSteps());
        List<List<Integer>> first = rows(micros.subList(0, plan.stepsPerEpoch()));
        assertThat(first.stream().mapToInt(List::size).sum()).isEqualTo(ROWS);
        assertThat(rows(micros).subList(plan.stepsPerEpoch(), 2 * plan.stepsPerEpoch()))
                .isNotEqualTo(first);
    }

    @Test
    void packsAreCountedAsRowsAreWithoutPacking() {
        BatchPlan single = plan("\"packing\": true, \"epochs\": 2, \"micro_batch_size\": 1");
        BatchPlan several =
                plan("\"packing\": true, \"epochs\": 2, \"micro_batch_size\": 3, \"gradient_accumulation\": 2");
        Packing packing = Objects.requireNonNull(single.packing());
        assertThat(single.totalSteps()).isEqualTo(2 * packing.packs());
        int micros = Math.ceilDiv(packing.packs(), 3);
        assertThat(several.totalSteps()).isEqualTo(Math.ceilDiv(2 * micros, 2));
        assertThat(packing.capacity()).isEqualTo(CAPACITY);
        double held = IntStream.range(0, ROWS).map(BatchPlanTest::tokens).sum();
        assertThat(packing.fill())
                .isEqualTo(held / (packing.packs() * CAPACITY))
                .isBetween(0.8, 1.0);
        assertThat(all(several).get(0))
                .isEqualTo(all(single).subList(0, 3).stream()
                        .flatMapToInt(Arrays::stream)
                        .toArray());
    }

    @Test
    void laterStepsAreTheSameWithoutTheEarlierOnes() {
        String settings = "\"packing\": true, \"shuffle\": true, \"epochs\": 3, \"gradient_accumulation\": 3";
        BatchPlan inOrder = plan(settings);
        List<List<List<Integer>>> steps = IntStream.range(0, inOrder.totalSteps())
                .mapToObj(step -> rows(inOrder.window(step)))
                .toList();
        for (int step = steps.size() - 1; step >= 0; step--) {
            assertThat(rows(plan(settings).window(step))).isEqualTo(steps.get(step));
        }
    }

    @Test
    void mostStepsEndTheRunWithinItsEpochs() {
        assertThat(plan("\"epochs\": 10000, \"max_steps\": 7, \"packing\": true, \"shuffle\": true")
                        .totalSteps())
                .isEqualTo(7);
        BatchPlan rows = plan("\"epochs\": 2, \"micro_batch_size\": 10, \"gradient_accumulation\": 4");
        assertThat(rows.totalSteps()).isEqualTo(6);
        assertThat(rows.window(2)).extracting(micro -> micro.length).containsExactly(10, 10, 1, 10);
        assertThat(rows.packing()).isNull();
    }

    private static List<int[]> all(BatchPlan plan) {
        List<int[]> micros = new ArrayList<>();
        for (int step = 0; step < plan.totalSteps(); step++) {
            micros.addAll(plan.window(step));
        }
        return micros;
    }

    private static List<List<Integer>> rows(List<int[]> micros) {
        return micros.stream()
                .map(micro -> Arrays.stream(micro).boxed().toList())
                .toList();
    }

    private static int tokens(int row) {
        return 3 + 37 * row % 41;
    }

    private static BatchPlan plan(String training) {
        TrainingSettings settings = SpecJson.parse(
                        "{\"base_model\": \"b\", \"training_file\": \"t\", \"training\": {%s}}".formatted(training))
                .spec()
                .training();
        return new BatchPlan(ROWS, BatchPlanTest::tokens, CAPACITY, settings);
    }
}
