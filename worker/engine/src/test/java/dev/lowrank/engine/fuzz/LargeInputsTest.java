package dev.lowrank.engine.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Inputs larger than a fuzzer makes, where a tree or a list would take many times the bytes of the file. */
class LargeInputsTest {
    private static final int MANY = 3_000_000;

    private static String refused(String target, Map<String, String> files) {
        Map<String, byte[]> bytes = new LinkedHashMap<>();
        files.forEach((name, text) -> bytes.put(name, text.getBytes(StandardCharsets.ISO_8859_1)));
        Watch.Outcome outcome = Watch.read(Targets.named(target), new Parts(bytes).bytes());
        return Objects.requireNonNull(outcome.refusal(), "refusal").getMessage();
    }

    @Test
    void jsonOfNothingButBracketsIsRefused() {
        String brackets = "{\"a\":[" + "[],".repeat(1_300_000) + "[]]}";
        assertThat(refused("config", Map.of("config.json", brackets))).contains("more than 1000000 values");
        assertThat(refused("spec", Map.of("spec.json", brackets))).contains("spec");
        assertThat(refused("rows", Map.of("rows.jsonl", brackets))).contains("more than 2000000 values");
        assertThat(refused("tokenizer", Map.of("tokenizer.json", brackets))).contains("more than 500000 values");
    }

    @Test
    void indexOfMoreEntriesThanAModelHasTensorsIsRefused() {
        String index = "{\"weight_map\":{" + "\"a\":0,".repeat(MANY) + "\"b\":0}}";
        assertThat(refused("model-folder", Map.of("config.json", "{}", "model.safetensors.index.json", index)))
                .contains("model.safetensors.index.json");
    }

    @Test
    void tokenizerOfMillionsOfTokensIsRefused() {
        StringBuilder tokens = new StringBuilder("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"\":0");
        for (int i = 1; i <= 2_000_001; i++) {
            tokens.append(",\"").append(Integer.toString(i, 36)).append("\":").append(i);
        }
        assertThat(refused("tokenizer", Map.of("tokenizer.json", tokens + "}}}")))
                .contains("more than 2000000 tokens");
    }

    @Test
    void ggufOfMoreMetadataThanIsHeldIsRefused() {
        int lists = 30;
        int elements = 1 << 20;
        ByteBuffer out = ByteBuffer.allocate(64 + lists * (elements + 64)).order(ByteOrder.LITTLE_ENDIAN);
        out.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3).putLong(0).putLong(lists);
        for (int i = 0; i < lists; i++) {
            String key = "list" + i;
            out.putLong(key.length())
                    .put(key.getBytes(StandardCharsets.US_ASCII))
                    .putInt(9)
                    .putInt(0)
                    .putLong(elements);
            out.position(out.position() + elements);
        }
        assertThat(refused("gguf", Map.of("model.gguf", new String(out.array(), StandardCharsets.ISO_8859_1))))
                .contains("more than 256 MiB of metadata");
    }
}
