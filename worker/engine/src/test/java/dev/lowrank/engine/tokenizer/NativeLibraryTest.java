package dev.lowrank.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
    @TempDir
    Path temporary;

    /** What runs in a JVM of its own, so that its classes and files can be told. */
    static final class Opens {
        public static void main(String[] arguments) {
            try (Tokenizer tokenizer = Fixture.open()) {
                System.out.println("ids " + tokenizer.encode("The ferry").ids().length);
            }
        }
    }

    /** The jar's own loader looks for a GPU and, where it finds one, downloads a build for it. */
    @Test
    void theLoaderThatDownloadsOnGpuHostsIsNeverTouchedAndNothingStaysBehind() throws Exception {
        String output = runAlone();
        assertThat(output).contains("ids 2", "ai.djl.huggingface.tokenizers.jni.TokenizersLibrary");
        assertThat(output).doesNotContain("jni.LibUtils", "CudaUtils", "ai.djl.util.Platform", "com.sun.jna");
        assertThat(temporary).isEmptyDirectory();
    }

    private String runAlone() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xlog:class+load",
                        "-Djava.io.tmpdir=" + temporary,
                        "-cp",
                        System.getProperty("java.class.path"),
                        Opens.class.getName()))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    @Test
    void systemsAreNamedAsTheJarNamesThem() {
        assertThat(NativeLibrary.system("Linux", "amd64")).isEqualTo("linux-x86_64");
        assertThat(NativeLibrary.system("Linux", "aarch64")).isEqualTo("linux-aarch64");
        assertThat(NativeLibrary.system("Mac OS X", "aarch64")).isEqualTo("osx-aarch64");
        assertThat(NativeLibrary.system("Windows 11", "amd64")).isEqualTo("win-x86_64");
    }
}
