package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Quantized data that bitsandbytes wrote, to the bit. */
class Nf4GoldenTest {
    private final Kernels kernels = CpuKernels.open(2);
    private final Workspace memory = kernels.workspace();

    @TempDir
    Path temporary;

    @AfterEach
    void close() {
        memory.close();
        kernels.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5})
    void quantizesSingleLikeTheReference(int number) {
        try (SafetensorsFile file = SafetensorsFile.open(SharedData.require("golden/nf4/nf4.safetensors"))) {
            String name = "case%d.".formatted(number);
            Nf4 ours = quantize(file.floats(name + "weight"), file.info(name + "weight"), false);
            assertSame(file, name + "single.packed", ours.packed());
            assertSame(file, name + "single.absmax", Objects.requireNonNull(ours.absmax()));
            assertSame(file, name + "single.dequantized", dequantize(ours));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5})
    void quantizesDoubleLikeTheReference(int number) {
        try (SafetensorsFile file = SafetensorsFile.open(SharedData.require("golden/nf4/nf4.safetensors"))) {
            String name = "case%d.".formatted(number);
            Nf4 ours = quantize(file.floats(name + "weight"), file.info(name + "weight"), true);
            Nf4.Nested nested = Objects.requireNonNull(ours.nested());
            assertSame(file, name + "double.packed", ours.packed());
            assertSame(file, name + "double.absmax", nested.codes());
            assertSame(file, name + "double.nested_absmax", nested.scale());
            assertSame(file, name + "double.nested_quant_map", nested.map());
            assertSame(file, name + "double.offset", nested.offset());
            assertSame(file, name + "double.dequantized", dequantize(ours));
        }
    }

    @Test
    void readsAQuantizedModelAndQuantizesItsBaseToTheSameBytes() {
        try (ModelFolder quantized = ModelFolder.open(SharedData.require("golden/llama/model-nf4"));
                ModelFolder base = ModelFolder.open(SharedData.require("golden/llama/model"))) {
            assertThat(quantized.tensorNames()).containsExactlyInAnyOrderElementsOf(base.tensorNames());
            assertThat(quantized.parameters()).isEqualTo(base.parameters());
            QuantizationConfig config = Objects.requireNonNull(quantized.quantization());
            assertThat(config).isEqualTo(new QuantizationConfig(true, "float32", List.of()));
            assertThat(base.quantization()).isNull();
            int weights = 0;
            for (String name : base.tensorNames()) {
                assertThat(base.isNf4(name)).isFalse();
                if (quantized.isNf4(name)) {
                    weights++;
                    assertSameWeight(quantized.nf4(name), base, name);
                } else {
                    assertThat(quantized.floats(name)).isEqualTo(base.floats(name));
                }
            }
            assertThat(weights).isEqualTo(3 * 7);
        }
    }

    private void assertSameWeight(Nf4Weight theirs, ModelFolder base, String name) {
        long[] shape = base.info(name).shape();
        assertThat(new long[] {theirs.rows(), theirs.columns()}).isEqualTo(shape);
        assertThat(theirs.dtype()).isEqualTo("float32");
        Nf4 ours = quantize(base.floats(name), base.info(name), true);
        Nf4 read = theirs.upload(kernels, memory);
        assertThat(bytes(dequantize(read))).isEqualTo(bytes(dequantize(ours)));
        Nf4Weight written = Nf4Weight.download(name, ours, "float32", kernels);
        assertThat(written.packed().mismatch(theirs.packed())).isEqualTo(-1);
        Nf4Weight.Nested one = Objects.requireNonNull(written.nested());
        Nf4Weight.Nested other = Objects.requireNonNull(theirs.nested());
        assertThat(one.codes().mismatch(other.codes())).isEqualTo(-1);
        assertThat(one.scale().mismatch(other.scale())).isEqualTo(-1);
        assertThat(one.map().mismatch(other.map())).isEqualTo(-1);
        assertThat(one.offset()).isEqualTo(other.offset());
        assertThat(one.block()).isEqualTo(other.block());
    }

    @Test
    void quantizingTheBaseAgainWritesTheReferencesFile() throws IOException {
        Path theirs = SharedData.require("golden/llama/model-nf4").resolve("model.safetensors");
        Path ours = temporary.resolve("model.safetensors");
        try (ModelFolder quantized = ModelFolder.open(theirs.getParent());
                ModelFolder base = ModelFolder.open(SharedData.require("golden/llama/model"))) {
            SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
            for (String name : base.tensorNames()) {
                TensorInfo info = base.info(name);
                if (quantized.isNf4(name)) {
                    Nf4Weight.download(name, quantize(base.floats(name), info, true), "float32", kernels)
                            .addTo(writer);
                } else {
                    writer.add(name, info.dtype(), info.shape(), base.floats(name));
                }
            }
            writer.write(ours);
        }
        assertThat(Files.mismatch(theirs, ours)).isEqualTo(-1);
    }

    private Nf4 quantize(float[] weight, TensorInfo info, boolean doubled) {
        long[] shape = info.shape();
        Tensor source = memory.take(shape);
        kernels.upload(weight, 0, source);
        Nf4 target = Nf4.allocate(memory, shape[0], shape[1], doubled);
        kernels.quantizeNf4(source, target);
        return target;
    }

    private Tensor dequantize(Nf4 weight) {
        Tensor out = memory.take(weight.rows(), weight.columns());
        kernels.dequantizeNf4(weight, out);
        return out;
    }

    private void assertSame(SafetensorsFile file, String name, Tensor ours) {
        assertThat(MemorySegment.ofArray(bytes(ours)).mismatch(file.bytes(name)))
                .as(name)
                .isEqualTo(-1);
    }

    private byte[] bytes(Tensor tensor) {
        byte[] bytes = new byte[Math.toIntExact(tensor.data().byteSize())];
        kernels.download(tensor, MemorySegment.ofArray(bytes));
        return bytes;
    }
}
