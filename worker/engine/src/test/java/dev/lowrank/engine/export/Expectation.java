package dev.lowrank.engine.export;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.format.GgufFile;
import dev.lowrank.engine.format.GgufTensor;
import dev.lowrank.engine.format.ModelFolder;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a GGUF file must hold of a model folder, worked out another way than the export does: tensor by tensor. */
final class Expectation {
    /** Source names by pattern; the first that fits counts. Blocks are written as "N". */
    private static final List<Map.Entry<String, String>> NAMES = List.of(
            Map.entry("model.embed_tokens.weight", "token_embd.weight"),
            Map.entry("model.norm.weight", "output_norm.weight"),
            Map.entry("lm_head.weight", "output.weight"),
            Map.entry("model.layers.N.self_attn.q_proj.", "blk.N.attn_q."),
            Map.entry("model.layers.N.self_attn.k_proj.", "blk.N.attn_k."),
            Map.entry("model.layers.N.self_attn.v_proj.", "blk.N.attn_v."),
            Map.entry("model.layers.N.self_attn.o_proj.", "blk.N.attn_output."),
            Map.entry("model.layers.N.self_attn.qkv_proj.", "blk.N.attn_qkv."),
            Map.entry("model.layers.N.self_attn.q_norm.", "blk.N.attn_q_norm."),
            Map.entry("model.layers.N.self_attn.k_norm.", "blk.N.attn_k_norm."),
            Map.entry("model.layers.N.mlp.gate_proj.", "blk.N.ffn_gate."),
            Map.entry("model.layers.N.mlp.up_proj.", "blk.N.ffn_up."),
            Map.entry("model.layers.N.mlp.down_proj.", "blk.N.ffn_down."),
            Map.entry("model.layers.N.mlp.gate_up_proj.", "blk.N.ffn_up."),
            Map.entry("model.layers.N.input_layernorm.", "blk.N.attn_norm."),
            Map.entry("model.layers.N.pre_feedforward_layernorm.", "blk.N.ffn_norm."),
            Map.entry("model.layers.N.post_feedforward_layernorm.", "blk.N.post_ffw_norm."),
            Map.entry("transformer.wte.weight", "token_embd.weight"),
            Map.entry("transformer.wpe.weight", "position_embd.weight"),
            Map.entry("transformer.ln_f.", "output_norm."),
            Map.entry("transformer.h.N.ln_1.", "blk.N.attn_norm."),
            Map.entry("transformer.h.N.ln_2.", "blk.N.ffn_norm."),
            Map.entry("transformer.h.N.attn.c_attn.", "blk.N.attn_qkv."),
            Map.entry("transformer.h.N.attn.c_proj.", "blk.N.attn_output."),
            Map.entry("transformer.h.N.mlp.c_fc.", "blk.N.ffn_up."),
            Map.entry("transformer.h.N.mlp.c_proj.", "blk.N.ffn_down."));

    private static final Set<String> MADE =
            Set.of("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight");

    private final ModelFolder model;
    private final String family;

    private Expectation(ModelFolder model) {
        this.model = model;
        this.family = model.config().path("model_type").stringValue();
    }

    /** Compares all tensors; {@code allowed} is the greatest difference relative to the source. */
    static void check(ModelFolder model, GgufFile file, double allowed) {
        Expectation expected = new Expectation(model);
        Set<String> seen = new HashSet<>(MADE);
        for (String source : model.tensorNames()) {
            String target = expected.target(source);
            seen.add(target);
            GgufTensor stored = file.tensor(target);
            assertThat(stored.shape()).as(target).isEqualTo(expected.shape(source));
            float[] values = file.floats(target);
            float[] wanted = expected.values(source);
            for (int i = 0; i < wanted.length; i++) {
                assertThat((double) Math.abs(values[i] - wanted[i]))
                        .as("%s [%d]", target, i)
                        .isLessThanOrEqualTo(Math.abs(wanted[i]) * allowed);
            }
        }
        assertThat(seen).containsAll(file.tensors().keySet());
    }

    private String target(String source) {
        String block = source.replaceAll("^.*?\\.(\\d+)\\..*$", "$1");
        String pattern = source.replaceFirst("\\.\\d+\\.", ".N.");
        if (pattern.startsWith("model.layers.N.post_attention_layernorm.")) {
            boolean after = family.startsWith("gemma") || family.equals("olmo2");
            return "blk.%s.%s.weight".formatted(block, after ? "post_attention_norm" : "ffn_norm");
        }
        for (Map.Entry<String, String> name : NAMES) {
            if (pattern.startsWith(name.getKey())) {
                return name.getValue().replace("N", block)
                        + pattern.substring(name.getKey().length());
            }
        }
        throw new AssertionError("no name for " + source);
    }

    private boolean transposed(String source) {
        return source.matches("transformer\\.h\\.\\d+\\.(attn|mlp)\\.c_\\w+\\.weight");
    }

    private List<Long> shape(String source) {
        long[] shape = model.info(source).shape();
        if (shape.length == 1) {
            return List.of(shape[0]);
        }
        return transposed(source) ? List.of(shape[1], shape[0]) : List.of(shape[0], shape[1]);
    }

    private float[] values(String source) {
        float[] values = model.floats(source);
        long[] shape = model.info(source).shape();
        if (transposed(source)) {
            return transpose(values, (int) shape[0], (int) shape[1]);
        }
        if (family.startsWith("gemma") && source.endsWith("norm.weight")) {
            float[] more = values.clone();
            for (int i = 0; i < more.length; i++) {
                more[i] = 1 + more[i];
            }
            return more;
        }
        boolean turns = Set.of("llama", "mistral", "smollm3").contains(family)
                && source.matches(".*\\.[qk]_proj\\.(weight|bias)");
        return turns ? interleaved(values, shape, headWidth()) : values;
    }

    private int headWidth() {
        var config = model.config();
        return config.has("head_dim")
                ? config.path("head_dim").intValue()
                : config.path("hidden_size").intValue()
                        / config.path("num_attention_heads").intValue();
    }

    private static float[] transpose(float[] values, int rows, int columns) {
        float[] turned = new float[values.length];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                turned[j * rows + i] = values[i * columns + j];
            }
        }
        return turned;
    }

    /** Element i of a head's first half goes to place 2 i, of its second half to 2 i + 1. */
    static float[] interleaved(float[] values, long[] shape, int headWidth) {
        int columns = shape.length == 1 ? 1 : (int) shape[1];
        int half = headWidth / 2;
        float[] turned = new float[values.length];
        for (int head = 0; head < shape[0] / headWidth; head++) {
            for (int i = 0; i < half; i++) {
                for (int part = 0; part < 2; part++) {
                    int from = head * headWidth + part * half + i;
                    int to = head * headWidth + 2 * i + part;
                    System.arraycopy(values, from * columns, turned, to * columns, columns);
                }
            }
        }
        return turned;
    }
}
