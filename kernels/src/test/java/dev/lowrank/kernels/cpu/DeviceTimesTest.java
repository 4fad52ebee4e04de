package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.check.DeviceTimes;
import dev.lowrank.kernels.check.Timing;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DeviceTimesTest {
    private static final DeviceTimes.Size SMALL = new DeviceTimes.Size(64, 32, 64, 96, 4, 2, 8, 300);

    @Test
    void timesEveryOperationAfterTheDevicesBest() {
        List<Timing> told = new ArrayList<>();
        try (Kernels kernels = CpuKernels.open(1)) {
            List<Timing> all = new DeviceTimes(kernels, SMALL, told::add).run();
            assertThat(all).isEqualTo(told).hasSizeGreaterThan(12);
        }
        assertThat(told.get(0).operation()).isEqualTo("copy");
        assertThat(told.get(1).operation()).isEqualTo("large product");
        assertThat(told).allSatisfy(timing -> {
            assertThat(timing.seconds()).isPositive();
            assertThat(timing.share()).isPositive();
            assertThat(timing.bytes() > 0 ^ timing.flops() > 0).isTrue();
        });
        assertThat(told.subList(0, 2)).allMatch(timing -> timing.share() == 1);
    }
}
