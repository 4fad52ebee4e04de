package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QuantizationConfigTest {
    private static final String USUAL = """
            {"quantization_config": {
              "_load_in_4bit": true, "_load_in_8bit": false, "load_in_4bit": true, "load_in_8bit": false,
              "bnb_4bit_compute_dtype": "bfloat16", "bnb_4bit_quant_storage": "uint8", "bnb_4bit_quant_type": "nf4",
              "bnb_4bit_use_double_quant": true, "llm_int8_enable_fp32_cpu_offload": false,
              "llm_int8_has_fp16_weight": false, "llm_int8_skip_modules": ["lm_head", "model.layers.1.mlp"],
              "llm_int8_threshold": 6.0, "quant_method": "bitsandbytes"}}""";

    private static @Nullable QuantizationConfig read(String json) {
        return QuantizationConfig.of(
                Path.of("base/config.json"), JsonFile.parse(json.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void readsWhatIsWrittenToday() {
        assertThat(read(USUAL))
                .isEqualTo(new QuantizationConfig(true, "bfloat16", List.of("lm_head", "model.layers.1.mlp")));
    }

    @Test
    void fillsInWhatIsLeftOut() {
        assertThat(read("{\"quantization_config\": {\"load_in_4bit\": true, \"bnb_4bit_quant_type\": \"nf4\"}}"))
                .isEqualTo(new QuantizationConfig(false, "float32", List.of()));
        assertThat(read("{}")).isNull();
        assertThat(read("{\"quantization_config\": null}")).isNull();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"quant_method\": \"bitsandbytes\"|\"quant_method\": \"gptq\", \"bits\": 4|\"quant_method\" is \"gptq\"",
                "\"nf4\"|\"fp4\"|\"bnb_4bit_quant_type\" is \"fp4\"",
                "\"load_in_8bit\": false|\"load_in_8bit\": true|\"load_in_8bit\" is true",
                "\"load_in_4bit\": true, \"load|\"load|load_in_4bit left out where true belongs",
                "\"load_in_4bit\": true, \"load|\"load_in_4bit\": 1, \"load|load_in_4bit 1 where true or false belongs",
                "6.0|6.0, \"rotation\": \"hadamard\"|\"rotation\" is \"hadamard\"",
                "\"bfloat16\"|\"int8\"|bnb_4bit_compute_dtype \"int8\" where float32",
                "\"bfloat16\"|{\"a\": 1}|bnb_4bit_compute_dtype {\"a\":1} where float32",
                "\"bfloat16\"|[]|bnb_4bit_compute_dtype [] where float32",
                "\"lm_head\"|7|llm_int8_skip_modules [7,\"model.layers.1.mlp\"] where",
            })
    void refusesAnythingElseByName(String from, String to, String says) {
        assertThat(USUAL).contains(from);
        assertThat(Sentences.refusal(() -> read(USUAL.replace(from, to))))
                .contains("base/config.json")
                .contains(says);
    }

    @Test
    void refusesASectionThatIsNoObject() {
        assertThat(Sentences.refusal(() -> read("{\"quantization_config\": 4}")))
                .contains("an object belongs");
    }
}
