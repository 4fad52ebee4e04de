package dev.lowrank.engine.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * Every input that is kept, and some damaged ones made from them by fixed seeds, are read or refused in one sentence, and
 * within what the target says that an input may cost: heap allocated in all, as a number of bytes and so many more for each
 * byte of input, and seconds of processor. An input is named for what becomes of it: {@code sound} is read, {@code hostile}
 * refused, any other either. Real fuzzing is described in docs/testing.md.
 */
class KeptInputsTest {
    private static final List<FuzzTarget> TARGETS = Targets.ALL;
    private static final int DAMAGED = 60;
    private static final int LARGEST_KEPT = 16 << 10;

    @TestFactory
    Stream<DynamicNode> keptInputIsReadOrRefused() {
        return Targets.ALL.stream()
                .flatMap(target -> Kept.inputs(target).entrySet().stream()
                        .map(input -> DynamicTest.dynamicTest(target.name() + "/" + input.getKey(), () -> {
                            assertThat(input.getValue()).hasSizeLessThanOrEqualTo(LARGEST_KEPT);
                            Watch.Outcome outcome = Watch.read(target, input.getValue());
                            boolean refused = outcome.refusal() != null;
                            String name = input.getKey();
                            assertThat(refused ? !name.startsWith("sound") : !name.startsWith("hostile"))
                                    .as("%s: %s", name, outcome.refusal())
                                    .isTrue();
                        })));
    }

    @ParameterizedTest
    @FieldSource("TARGETS")
    void damagedInputIsReadOrRefused(FuzzTarget target) {
        List<Parts> sound = Kept.parts(target);
        int read = 0;
        for (int seed = 0; seed < DAMAGED; seed++) {
            byte[] input = Recipe.follow(Choices.random(new SplittableRandom(seed), 200), sound);
            if (Watch.read(target, input).refusal() == null) {
                read++;
            }
        }
        assertThat(read).as("inputs that were read").isBetween(1, DAMAGED - 1);
    }
}
