package dev.lowrank.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevicesTest {
    @Test
    void opensTheProcessorByItsName() {
        try (Kernels kernels = Devices.open("cpu", 1)) {
            assertThat(kernels.device()).startsWith("CPU, 1 thread");
            assertThat(kernels.freeBytes()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "tpu", "CPU", "cuda:", "cuda:-1", "cuda:1000", "cpu cuda", "cuda:0x1"})
    void aDeviceThatIsNoneIsRefusedWithThoseThereAre(String name) {
        assertThatThrownBy(() -> Devices.open(name, 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("There is no device \"%s\"".formatted(name))
                .hasMessageContaining("cpu, cuda");
    }

    @Test
    void thereIsOneProcessorDevice() {
        assertThatThrownBy(() -> Devices.open("cpu:1", 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("there is no \"cpu:1\"");
    }

    @Test
    void withoutADriverTheSentenceSaysWhatToInstall() {
        assumeFalse(Files.exists(Path.of("/dev/nvidiactl")), "This machine has a driver.");
        assertThatThrownBy(() -> Devices.open("cuda", 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("There is no NVIDIA driver here")
                .hasMessageContaining("version 580");
    }
}
