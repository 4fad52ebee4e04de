package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.Nf4;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Quantized weights of 5 x 33 elements, of which one part at a time is wrong. */
class Nf4CheckpointTest {
    private static final String NAME = "w.weight";
    private static final String STATE = NAME + ".quant_state.bitsandbytes__nf4";
    private static final String SINGLE =
            "{'quant_type': 'nf4', 'blocksize': 64, 'dtype': 'bfloat16', 'shape': [5, 33]}";
    private static final String NESTED =
            SINGLE.replace("}", ", 'nested_blocksize': 2, 'nested_dtype': 'float32', 'nested_offset': 0.25}");

    @TempDir
    Path temporary;

    private Path folder;
    private final Map<String, Entry> tensors = new LinkedHashMap<>();

    private record Entry(StoredType dtype, long[] shape, byte[] bytes) {}

    @BeforeEach
    void createFolder() throws IOException {
        folder = Files.createDirectory(temporary.resolve("base"));
        Files.writeString(folder.resolve("config.json"), "{}");
    }

    private void putSingle() {
        put(NAME, StoredType.U8, new byte[83], 83, 1);
        put(NAME + ".absmax", 1, 2, 3);
        put(NAME + ".quant_map", Nf4.codes());
        state(SINGLE);
    }

    private void putNested() {
        putSingle();
        put(NAME + ".absmax", StoredType.U8, new byte[] {1, 2, (byte) 255}, 3);
        put(NAME + ".nested_absmax", 1, 2);
        float[] map = new float[256];
        Arrays.fill(map, 0.5f);
        put(NAME + ".nested_quant_map", map);
        state(NESTED);
    }

    private void put(String name, StoredType dtype, byte[] bytes, long... shape) {
        tensors.put(name, new Entry(dtype, shape, bytes));
    }

    private void put(String name, float... values) {
        byte[] bytes = new byte[values.length * Float.BYTES];
        for (int i = 0; i < values.length; i++) {
            MemorySegment.ofArray(bytes).set(Nf4Weight.FLOAT, (long) i * Float.BYTES, values[i]);
        }
        put(name, StoredType.F32, bytes, values.length);
    }

    private void state(String json) {
        byte[] bytes = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        put(STATE, StoredType.U8, bytes, bytes.length);
    }

    private ModelFolder open() {
        SafetensorsWriter writer = new SafetensorsWriter();
        tensors.forEach((name, entry) ->
                writer.addBytes(name, entry.dtype, entry.shape, () -> MemorySegment.ofArray(entry.bytes)));
        writer.write(folder.resolve("model.safetensors"));
        return ModelFolder.open(folder);
    }

    private String refusal() {
        return Sentences.refusal(() -> {
            try (ModelFolder model = open()) {
                model.nf4(NAME);
            }
        });
    }

    @Test
    void readsSingleQuantization() {
        putSingle();
        put("norm.weight", 1, 2);
        try (ModelFolder model = open()) {
            assertThat(model.tensorNames()).containsExactlyInAnyOrder(NAME, "norm.weight");
            assertThat(model.isNf4(NAME)).isTrue();
            assertThat(model.isNf4("norm.weight")).isFalse();
            assertThat(model.parameters()).isEqualTo(5 * 33 + 2);
            Nf4Weight weight = model.nf4(NAME);
            assertThat(weight.nested()).isNull();
            assertThat(weight.blockSize()).isEqualTo(64);
            assertThat(weight.dtype()).isEqualTo("bfloat16");
            MemorySegment absmax = Objects.requireNonNull(weight.absmax());
            assertThat(absmax.get(Nf4Weight.FLOAT, 4)).isEqualTo(2);
            assertThat(Sentences.refusal(() -> model.nf4("norm.weight")))
                    .contains("\"norm.weight\" without 4-bit codes");
            assertThat(Sentences.refusal(() -> model.nf4("none"))).contains("\"none\" without 4-bit codes");
        }
    }

    @Test
    void readsDoubleQuantization() {
        putNested();
        try (ModelFolder model = open()) {
            assertThat(model.tensorNames()).containsExactly(NAME);
            Nf4Weight weight = model.nf4(NAME);
            Nf4Weight.Nested nested = Objects.requireNonNull(weight.nested());
            assertThat(weight.absmax()).isNull();
            assertThat(nested.offset()).isEqualTo(0.25f);
            assertThat(nested.block()).isEqualTo(2);
            assertThat(nested.codes().byteSize()).isEqualTo(3);
        }
    }

    @Test
    void readsCodesThatAreStoredAsAnotherType() {
        putSingle();
        tensors.remove(NAME);
        put(NAME, StoredType.BF16, new byte[84], 42, 1);
        state(SINGLE.replace("[5, 33]", "[7, 24]"));
        try (ModelFolder model = open()) {
            assertThat(model.nf4(NAME).packed().byteSize()).isEqualTo(84);
        }
    }

    @Test
    void writesWhatItReads() throws IOException {
        for (boolean nested : new boolean[] {false, true}) {
            if (nested) {
                putNested();
            } else {
                putSingle();
            }
            Path copy = temporary.resolve("copy.safetensors");
            try (ModelFolder model = open()) {
                SafetensorsWriter writer = new SafetensorsWriter();
                model.nf4(NAME).addTo(writer);
                writer.write(copy);
            }
            assertThat(Files.mismatch(folder.resolve("model.safetensors"), copy))
                    .isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'nf4'|'fp4'|says quant_type \"fp4\"",
                "'nf4'|4|says quant_type \"nothing\"",
                "64|48|says blocksize 48",
                "64|0|says blocksize 0",
                "64|64.0|says blocksize 64.0 where a whole number",
                "64|8192|says blocksize 8192",
                "'bfloat16'|'int8'|says dtype \"int8\"",
                "[5, 33]|[165]|says shape [165]",
                "[5, 33]|[5, 33, 1]|says shape [5,33,1]",
                "[5, 33]|[5, -33]|says shape -33",
                "[5, 33]|[5, 4294967329]|says shape 4294967329",
                "[5, 33]|[2147483647, 2147483647]|in 83 bytes where its shape",
                "[5, 33]|[5, 34]|in 83 bytes where its shape [5, 34] needs 85",
                "[5, 33]|null|says shape null",
                "'nested_blocksize': 2|'nested_blocksize': 0|says nested_blocksize 0",
                "'nested_blocksize': 2|'nested_blocksize': 3|has nested_absmax as F32 [2] where F32 [1] belongs",
                "'nested_blocksize': 2,||says nested_blocksize nothing",
                "'float32'|'float16'|says nested_dtype \"float16\"",
                "0.25|1e300|says nested_offset 1.0E300",
                "0.25|'0.25'|says nested_offset",
                "0.25|NaN|unsound JSON",
                "0.25|0.25, 'rotation': 1|unknown field \"rotation\"",
                "0.25|0.25, 'dtype': 'float16'|unsound JSON",
                "0.25}|0.25|unsound JSON",
            })
    void refusesAStateThatDoesNotFit(String from, String to, String says) {
        putNested();
        state(NESTED.replace(from, to == null ? "" : to));
        assertThat(refusal()).contains("base holds weight \"w.weight\" that").contains(says);
    }

    @Test
    void refusesAStateThatIsNoObject() {
        putNested();
        state("[1]");
        assertThat(refusal()).contains("not a JSON object");
        state(" ");
        assertThat(refusal()).contains("not a JSON object");
        state("{\"a\": \"" + "x".repeat(1 << 14) + "\"}");
        assertThat(refusal()).contains("more than the 16384 allowed");
    }

    @ParameterizedTest
    @ValueSource(strings = {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"})
    void refusesMissingAndMisshapenParts(String side) {
        putNested();
        Entry whole = tensors.remove(NAME + side);
        assertThat(refusal()).contains("lacks its " + side.substring(1));
        put(NAME + side, StoredType.BF16, new byte[4], 2);
        assertThat(refusal()).contains("has " + side.substring(1) + " as BF16 [2]");
        put(NAME + side, Objects.requireNonNull(whole).dtype, new byte[8], 8 * 8 / whole.dtype.bits());
        if (!side.equals(".nested_absmax")) {
            assertThat(refusal()).contains("has " + side.substring(1) + " as");
        }
    }

    @Test
    void refusesNumbersThatAreNoScales() {
        putSingle();
        put(NAME + ".absmax", 1, Float.NaN, 3);
        assertThat(refusal()).contains("absmax with a number that is not finite");
        putNested();
        put(NAME + ".nested_absmax", 1, Float.POSITIVE_INFINITY);
        assertThat(refusal()).contains("nested_absmax with a number that is not finite");
    }

    @Test
    void refusesAnotherCodeTable() {
        putSingle();
        float[] codes = Nf4.codes();
        codes[4] = Math.nextUp(codes[4]);
        put(NAME + ".quant_map", codes);
        assertThat(refusal()).contains("quant_map other than NF4's");
    }

    @Test
    void refusesNestedScalesThatNobodyMentions() {
        putNested();
        state(SINGLE);
        put(NAME + ".absmax", 1, 2, 3);
        assertThat(refusal()).contains("nested scales that its quant_state does not mention");
    }

    @Test
    void refusesOtherKindsAndLoneDescriptionsWhenOpened() {
        putSingle();
        tensors.remove(NAME);
        assertThat(Sentences.refusal(() -> open().close())).contains("but not the weight it describes");
        tensors.clear();
        put(NAME + ".quant_state.bitsandbytes__fp4", StoredType.U8, new byte[] {'{', '}'}, 2);
        assertThat(Sentences.refusal(() -> open().close())).contains("\"w.weight\" quantized as \"fp4\"");
    }

    @Test
    void printsNumbersAsPythonDoes() {
        assertThat(Nf4Weight.python(0.21019071340560913)).isEqualTo("0.21019071340560913");
        assertThat(Nf4Weight.python(0)).isEqualTo("0.0");
        assertThat(Nf4Weight.python(1.5e-4)).isEqualTo("0.00015");
        assertThat(Nf4Weight.python(1e-5)).isEqualTo("1e-05");
        assertThat(Nf4Weight.python(1.25e-38)).isEqualTo("1.25e-38");
        assertThat(Nf4Weight.python(12345678.5)).isEqualTo("12345678.5");
        assertThat(Nf4Weight.python(3e7)).isEqualTo("30000000.0");
        assertThat(Nf4Weight.python(1e16)).isEqualTo("1e+16");
    }
}
