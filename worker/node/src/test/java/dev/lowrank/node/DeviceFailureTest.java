package dev.lowrank.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.DeviceException;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.diagnostics.FailureAnalyzer;
import org.springframework.core.io.support.SpringFactoriesLoader;
import org.springframework.core.io.support.SpringFactoriesLoader.FailureHandler;

class DeviceFailureTest {
    @Test
    void aDeviceThatCannotBeUsedIsExplainedByItsSentence() {
        RuntimeException failure = new IllegalStateException("a bean", new DeviceException("There is no GPU."));
        FailureAnalysis analysis = SpringFactoriesLoader.forDefaultResourceLocation()
                // Those of Spring itself want a context, which there is none of.
                .load(FailureAnalyzer.class, FailureHandler.handleMessage((message, cause) -> {}))
                .stream()
                .filter(DeviceFailureAnalyzer.class::isInstance)
                .map(analyzer -> analyzer.analyze(failure))
                .filter(Objects::nonNull)
                .findFirst()
                .orElseThrow();
        assertThat(analysis.getDescription()).isEqualTo("There is no GPU.");
        assertThat(analysis.getAction()).contains("LOWRANK_DEVICE");
    }
}
