package dev.lowrank.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.check.DeviceCheck;
import dev.lowrank.kernels.check.Outcome;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.api.Test;

class DeviceCheckTest {
    @Test
    void theEmulatedDeviceComputesWhatTheProcessorDoes() {
        try (Kernels reference = CpuKernels.open(2);
                Kernels device = EmulatedKernels.openInOneOrder()) {
            List<Outcome> outcomes = new DeviceCheck(reference, device).run(7, 1, outcome -> {});
            assertThat(outcomes.stream().filter(outcome -> !outcome.passed())).isEmpty();
        }
    }

    @Test
    void aDeviceIsItsOwnTwin() {
        try (Kernels one = CpuKernels.open(2);
                Kernels other = CpuKernels.open(2)) {
            assertThat(new DeviceCheck(one, other).run(8, 1, outcome -> {})).allMatch(outcome -> outcome.error() == 0);
        }
    }

    @Test
    void theOneOperationThatIsWrongIsFound() {
        try (Kernels one = CpuKernels.open(2);
                Kernels wrong = scalingTooMuch(CpuKernels.open(2))) {
            assertThat(new DeviceCheck(one, wrong).run(9, 1, outcome -> {}))
                    .filteredOn(outcome -> !outcome.passed())
                    .extracting(Outcome::operation)
                    .containsOnly("scale");
        }
    }

    private static Kernels scalingTooMuch(Kernels kernels) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            if (method.getName().equals("scale")) {
                arguments[1] = 1.02f * (float) arguments[1];
            }
            return method.invoke(kernels, arguments);
        };
        return (Kernels)
                Proxy.newProxyInstance(Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, handler);
    }
}
