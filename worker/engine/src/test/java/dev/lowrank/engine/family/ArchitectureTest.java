package dev.lowrank.engine.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import dev.lowrank.kernels.Activation;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** What a config.json means, in the words of older and newer files, and what is refused. */
class ArchitectureTest {
    private static final String SIZES = """
            "vocab_size": 320, "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 4,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-6,
            """;

    @Test
    void rotaryBaseStandsUnderOldAndNewKeys() {
        assertThat(rotary("\"rope_theta\": 500000").theta()).isEqualTo(500_000);
        assertThat(rotary("\"rope_parameters\": {\"rope_theta\": 500000, \"rope_type\": \"default\"}")
                        .theta())
                .isEqualTo(500_000);
        Rotary older = rotary("\"rope_theta\": 500000, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}");
        Rotary newer =
                rotary("\"rope_parameters\": {\"rope_theta\": 500000, \"rope_type\": \"linear\", \"factor\": 2}");
        assertThat(older).isEqualTo(newer);
        assertThat(older.scaling()).isEqualTo(new RotaryScaling.Linear(2));
    }

    @Test
    void aMissingRotaryBaseIsNotGuessed() {
        assertThatThrownBy(() -> read("\"model_type\": \"llama\""))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("gives no rotary base");
    }

    @Test
    void yarnScalesByItsFactorUnlessTheFileSaysHow() {
        String yarn = "\"rope_parameters\": {\"rope_theta\": 1e4, \"rope_type\": \"yarn\", \"factor\": %s%s}";
        assertThat(rotary(yarn.formatted(4, "")).magnitude()).isEqualTo(1.13862944f);
        assertThat(rotary(yarn.formatted(40, ", \"mscale\": 0.707, \"mscale_all_dim\": 1.0"))
                        .magnitude())
                .isEqualTo(0.921042355f);
        assertThat(rotary(yarn.formatted(4, ", \"attention_factor\": 1.5")).magnitude())
                .isEqualTo(1.5f);
    }

    @Test
    void dynamicScalingReachesBeyondTheTrainedLength() {
        Architecture a = read(
                "\"model_type\": \"llama\", \"rope_theta\": 1e4, \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}");
        assertThat(a.maxPositions()).isEqualTo(512);
    }

    @Test
    void gemma3HasARotaryTableForEachKindOfLayer() {
        String gemma = """
                "model_type": "gemma3_text", "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 12,
                "hidden_activation": "gelu_pytorch_tanh", %s
                """;
        Architecture older = read(
                gemma.formatted(
                        "\"rope_theta\": 1e6, \"rope_local_base_freq\": 1e4, \"sliding_window_pattern\": 2, \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8}"));
        Architecture newer = read(gemma.formatted("""
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
                "rope_parameters": {"full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8},
                                    "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"}}"""));
        assertThat(older).isEqualTo(newer);
        assertThat(older.layers().get(0)).isEqualTo(new LayerPlan(12, 1, 0.25f));
        assertThat(older.layers().get(1)).isEqualTo(new LayerPlan(0, 0, 0.25f));
        assertThat(older.norm().offset()).isEqualTo(1);
        assertThat(older.embeddingScale()).isEqualTo(8);
        assertThat(older.feedForward().activation()).isEqualTo(Activation.GELU_TANH);
    }

    @Test
    void qwenUsesItsWindowOnlyWhereItSaysSo() {
        String qwen = "\"model_type\": \"qwen2\", \"rope_theta\": 1e6, \"sliding_window\": 8, \"max_window_layers\": 2";
        assertThat(read(qwen).layers()).allMatch(layer -> layer.window() == 0);
        assertThat(read(qwen + ", \"use_sliding_window\": true").layers())
                .extracting(LayerPlan::window)
                .containsExactly(0, 0, 8, 8);
    }

    @Test
    void smolLm3LeavesPositionsOutOfEveryFewLayers() {
        String smol = "\"model_type\": \"smollm3\", \"rope_theta\": 2e6, \"no_rope_layer_interval\": 2";
        assertThat(read(smol).layers()).extracting(LayerPlan::rotary).containsExactly(0, -1, 0, -1);
        assertThat(read(smol + ", \"no_rope_layers\": [0, 1, 1, 1]").layers())
                .extracting(LayerPlan::rotary)
                .containsExactly(-1, 0, 0, 0);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            "model_type": "mixtral", "num_local_experts": 8        | mixture-of-experts
            "model_type": "gemma3", "vision_config": {"a": 1}      | more than text
            "model_type": "bert"                                   | families supported are gemma2
            "model_type": "llama", "rope_theta": 1e4, "hidden_act": "gelu" | is supported, and it changes the numbers
            "model_type": "llama", "num_attention_heads": 3        | "num_attention_heads"
            "model_type": "llama", "rope_parameters": {"rope_theta": 1e4, "rope_type": "spiral"} | must be default, linear
            "model_type": "llama", "rope_theta": -1                | must be a positive number
            "model_type": "llama", "rope_theta": 1e4, "rotary_wobble": 3 | "rotary_wobble"
            "model_type": "llama", "rope_parameters": {"rope_theta": 1e4, "wobble": 3} | "rope_parameters.wobble"
            "model_type": "llama", "rope_theta": 1e4, "head_dim": 7 | even head
            """)
    void whatWouldChangeTheNumbersIsRefusedByName(String entries, String reason) {
        assertThatThrownBy(() -> read(entries))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(reason)
                .message()
                .endsWith(".")
                .doesNotContain("\n");
    }

    @Test
    void keysThatOnlyDocumentAreAccepted() {
        assertThat(read("""
                "model_type": "llama", "rope_theta": 1e4, "_name_or_path": "x", "torch_dtype": "bfloat16",
                "architectures": ["LlamaForCausalLM"], "some_new_flag": false, "another": null, "more": []
                """).family()).isEqualTo("llama");
    }

    private static Rotary rotary(String entries) {
        return read("\"model_type\": \"llama\", " + entries).rotary().get(0);
    }

    /** The last of two entries counts, so that a case can change a size. */
    private static Architecture read(String entries) {
        return Architecture.read(JsonMapper.shared().readTree("{" + SIZES + entries + "}"), Path.of("config.json"));
    }
}
