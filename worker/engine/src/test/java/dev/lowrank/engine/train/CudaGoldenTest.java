package dev.lowrank.engine.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** The conformance data of four families on the CUDA kernels, which run on the emulated device. */
class CudaGoldenTest extends GoldenTest {
    private static final Set<String> FAMILIES = Set.of("llama", "qwen3", "gemma2", "gpt2");
    private static final Set<String> TRACES = Set.of("lora-all-linear-r8", "qlora-all-linear-r8", "full");

    @Override
    String device() {
        return "emulated";
    }

    static Stream<Path> families() throws IOException {
        return GoldenData.families().filter(CudaGoldenTest::isChosen);
    }

    static Stream<Arguments> traces() throws IOException {
        return GoldenData.traces("trace.json")
                .filter(trace -> isChosen((Path) trace.get()[0]) && TRACES.contains(trace.get()[1]));
    }

    static Stream<Path> quantizedCheckpoints() throws IOException {
        return families().filter(family -> Files.exists(family.resolve("model-nf4")));
    }

    static Stream<Arguments> preferences() throws IOException {
        return GoldenData.traces("dpo.json").filter(trace -> isChosen((Path) trace.get()[0]));
    }

    private static boolean isChosen(Path family) {
        return FAMILIES.contains(family.getFileName().toString());
    }
}
