package dev.lowrank.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The real driver's side of the seam, in processes of their own, on a stand-in for NVIDIA's library. */
class JcudaDriverTest {
    @TempDir
    private static Path folder;

    @BeforeAll
    static void build() {
        assumeTrue(
                JcudaDriver.class.getResource(JcudaDriver.KERNELS) != null,
                "There are no kernels for GPUs in this build, as there was no nvcc.");
        EmulatedProgram.reasonAgainst(EmulatedProgram.COMPILER)
                .ifPresent(reason -> assumeTrue(false, "The stand-in was not built: " + reason + "."));
        StandinLibrary.build(folder);
    }

    private static List<String> probe(String standin, String... words) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules=jdk.incubator.vector",
                "-cp",
                ManagementFactory.getRuntimeMXBean().getClassPath(),
                DriverProbe.class.getName());
        builder.command().addAll(List.of(words));
        builder.environment().put("LD_LIBRARY_PATH", folder.toString());
        builder.environment().put("LOWRANK_STANDIN", standin);
        builder.environment().put(CublasLtFinder.SETTING, "");
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        return out.lines().toList();
    }

    @Test
    void launchesEveryOperationAsTheKernelsTakeIt() throws IOException, InterruptedException {
        List<String> lines = probe("", "check", "0");
        assertThat(lines.getFirst()).isEqualTo("Stand-in 0, 1 GB, without cuBLASLt");
        assertThat(lines.get(1)).matches("(\\d+) of \\1 agree");
        assertThat(lines.get(2)).isEqualTo("transfers agree");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "version=12040 | 0 | DeviceException: NVIDIA's driver here is for CUDA 12.4; Lowrank's kernels need one for CUDA 13.0, which is version 580 or newer.",
                "devices=0 | 0 | DeviceException: NVIDIA's driver is here but shows no GPU; see nvidia-smi and CUDA_VISIBLE_DEVICES, or use the device cpu.",
                "devices=2 | 2 | DeviceException: There is no GPU cuda:2; the last of them is cuda:1.",
                "capability=7 | 0 | DeviceException: Stand-in 0 has compute capability 7; Lowrank needs 8.0 or more (A100, RTX 30 and later).",
                "start=803 | 0 | DeviceException: NVIDIA's driver does not start (system has unsupported display driver); see nvidia-smi, or use the device cpu.",
                "memory=1000 | 0 | OutOfMemoryError: Stand-in 0, 0 GB has no 1,048,576 bytes more (1,000 are free)."
            })
    void whatIsWrongIsOneSentence(String standin, String number, String sentence)
            throws IOException, InterruptedException {
        List<String> lines = probe(standin, "fill", number);
        assertThat(lines).contains(sentence);
    }

    @Test
    void memoryThatIsNotThereLeavesTheDeviceAsItWas() throws IOException, InterruptedException {
        assertThat(probe("", "fill", "0"))
                .anyMatch(line -> line.startsWith("Stand-in 0, 1 GB has no 4,294,967,296 bytes more"))
                .endsWith("goes on with 0");
    }

    @Test
    void aDeviceThatFailsIsLostForGoodAndCanBeClosed() throws IOException, InterruptedException {
        String lost =
                "DeviceLostException: Stand-in 0, 1 GB failed at scale (an illegal memory access was encountered); what it held is lost.";
        assertThat(probe("fail=7", "fail", "0")).endsWith(lost, lost, "closed");
    }
}
