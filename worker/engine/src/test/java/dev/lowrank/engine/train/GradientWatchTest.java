package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GradientWatchTest {
    @TempDir
    private Path folder;

    private final GradientWatch watch = new GradientWatch();

    private int step;

    private void steps(int count, double loss, double norm) {
        for (int i = 0; i < count; i++) {
            watch.check(++step, loss, norm);
        }
    }

    private void climb(int count, double fromLoss, double norm) {
        for (int i = 0; i < count; i++) {
            watch.check(++step, fromLoss + i, norm);
        }
    }

    @Test
    void aNormFarAboveTheUsualWhileTheLossRisesStopsTheRunWithTheKnobToTurn() {
        steps(30, 2, 0.5);
        climb(4, 5, 60);
        assertThatThrownBy(() -> climb(1, 9, 60))
                .isInstanceOfSatisfying(
                        TrainingFailure.class,
                        failure -> assertThat(failure.code()).isEqualTo("gradient_exploding"))
                .hasMessageContaining("step 35")
                .hasMessageContaining("the usual 0.500 (now 60.0)")
                .hasMessageContaining("loss rose to 9.0000")
                .hasMessageContaining("lower \"training.learning_rate\"");
    }

    @Test
    void aFewWildStepsPass() {
        assertThatCode(() -> {
                    steps(30, 2, 0.5);
                    for (int i = 0; i < 10; i++) {
                        climb(4, 5, 60);
                        steps(1, 2, 0.5);
                    }
                })
                .doesNotThrowAnyException();
    }

    @Test
    void aLargeNormWithALossSeenBeforePasses() {
        assertThatCode(() -> {
                    steps(1, 8, 2);
                    steps(30, 2, 0.5);
                    climb(6, 2, 500);
                })
                .doesNotThrowAnyException();
    }

    @Test
    void aRisingLossWithAUsualNormPasses() {
        assertThatCode(() -> {
                    steps(30, 2, 0.5);
                    climb(50, 3, 4);
                })
                .doesNotThrowAnyException();
    }

    @Test
    void theFirstStepsAreNotJudged() {
        assertThatCode(() -> {
                    steps(2, 2, 0.5);
                    climb(17, 3, 100);
                })
                .doesNotThrowAnyException();
    }

    @Test
    void aResumedRunKnowsWhatWasUsual() throws IOException {
        Path metrics = Files.writeString(
                folder.resolve("metrics.jsonl"),
                IntStream.range(0, 40)
                        .mapToObj(i -> i == 7
                                ? "{\"step\":7,\"skipped\":\"all_masked\"}"
                                : "{\"step\":%d,\"loss\":2.0,\"grad_norm\":%s}".formatted(i, i < 30 ? 0.5 : 1e9))
                        .collect(Collectors.joining("\n")));
        watch.replay(metrics, 30);
        assertThatThrownBy(() -> climb(5, 5, 60)).isInstanceOf(TrainingFailure.class);
    }
}
