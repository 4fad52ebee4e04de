package dev.lowrank.node;

import dev.lowrank.kernels.DeviceException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** A worker whose device cannot be used does not start, and says why without a stack of calls. */
final class DeviceFailureAnalyzer extends AbstractFailureAnalyzer<DeviceException> {
    @Override
    protected FailureAnalysis analyze(Throwable failure, DeviceException cause) {
        return new FailureAnalysis(
                cause.getMessage(), "Set LOWRANK_DEVICE to cpu, or to a GPU that can be used.", failure);
    }
}
