package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The model families llama.cpp and we both know, with the names of their parts there. */
enum Family {
    LLAMA("llama", "llama", "silu", Parts.preNorm(), Biases.OPTIONAL),
    MISTRAL("mistral", "llama", "silu", Parts.preNorm(), Biases.NONE),
    QWEN2("qwen2", "qwen2", "silu", Parts.preNorm(), Biases.ATTENTION_INPUTS),
    QWEN3("qwen3", "qwen3", "silu", Parts.headNorms(Parts.preNorm()), Biases.NONE),
    GEMMA2("gemma2", "gemma2", "gelu_pytorch_tanh", Parts.fourNorms(), Biases.NONE),
    GEMMA3("gemma3_text", "gemma3", "gelu_pytorch_tanh", Parts.headNorms(Parts.fourNorms()), Biases.NONE),
    PHI3("phi3", "phi3", "silu", Parts.fused(), Biases.NONE),
    OLMO2("olmo2", "olmo2", "silu", Parts.headNorms(Parts.postNorm()), Biases.NONE),
    SMOLLM3("smollm3", "smollm3", "silu", Parts.preNorm(), Biases.NONE),
    GPT2("gpt2", "gpt2", "gelu_new", Parts.gpt2(), Biases.EVERYWHERE);

    /** Which linear layers of a block have a bias. */
    enum Biases {
        NONE,
        /** Where the source has one, llama.cpp takes it. */
        OPTIONAL,
        ATTENTION_INPUTS,
        /** The norms too. */
        EVERYWHERE
    }

    private static final Set<String> QUERY_AND_KEY = Set.of("attn_q", "attn_k");

    private final String modelType;
    private final String architecture;
    private final String activation;
    private final Map<String, String> parts;
    private final Biases biases;

    Family(String modelType, String architecture, String activation, Map<String, String> parts, Biases biases) {
        this.modelType = modelType;
        this.architecture = architecture;
        this.activation = activation;
        this.parts = parts;
        this.biases = biases;
    }

    /** @throws InputException if GGUF export does not know the {@code model_type} */
    static Family of(Settings config) {
        String type = config.text("model_type", "");
        for (Family family : values()) {
            if (family.modelType.equals(type)) {
                return family;
            }
        }
        throw config.inexpressible(
                "model_type",
                type.equals("gemma3")
                        ? "no part of a multimodal model is exported to GGUF"
                        : "only llama, mistral, qwen2, qwen3, gemma2, gemma3_text, phi3, olmo2, smollm3 and gpt2 are exported"
                                + " to GGUF");
    }

    /** {@code general.architecture}, which also begins the names of the model's keys. */
    String architecture() {
        return architecture;
    }

    String activation() {
        return activation;
    }

    /** The parts of one block, source to target, such as {@code self_attn.q_proj} to {@code attn_q}. */
    Map<String, String> parts() {
        return parts;
    }

    boolean mustHaveBias(String part) {
        return switch (biases) {
            case NONE, OPTIONAL -> false;
            case ATTENTION_INPUTS -> Set.of("attn_q", "attn_k", "attn_v").contains(part);
            case EVERYWHERE -> true;
        };
    }

    boolean mayHaveBias(String part) {
        return mustHaveBias(part) || biases == Biases.OPTIONAL && !part.endsWith("_norm");
    }

    /** Before the number of a block in the source. */
    String blocks() {
        return this == GPT2 ? "transformer.h." : "model.layers.";
    }

    String embedding() {
        return this == GPT2 ? "transformer.wte" : "model.embed_tokens";
    }

    String lastNorm() {
        return this == GPT2 ? "transformer.ln_f" : "model.norm";
    }

    /** llama.cpp turns neighbouring elements of a head in these, where transformers turns the two halves. */
    boolean turnsNeighbours(String part) {
        return (this == LLAMA || this == MISTRAL || this == SMOLLM3) && QUERY_AND_KEY.contains(part);
    }

    /** Gemma multiplies by 1 + w; GGUF holds what is multiplied by. */
    boolean addsOne(String target) {
        return (this == GEMMA2 || this == GEMMA3) && target.endsWith("norm.weight");
    }

    /** GPT-2 stores its matrices as [in, out]. */
    boolean storesTransposed(String part) {
        return this == GPT2 && !part.endsWith("_norm");
    }

    boolean hasRotaryPositions() {
        return this != GPT2;
    }

    boolean isGemma() {
        return this == GEMMA2 || this == GEMMA3;
    }

    /**
     * The place of an adapted module.
     *
     * @param path such as {@code model.layers.3.self_attn.q_proj}
     * @return null if the family has no such linear layer
     */
    @Nullable
    Place place(String path) {
        if (path.equals("lm_head")) {
            return new Place(-1, "output");
        }
        String prefixed = this == GPT2 && path.startsWith("h.") ? "transformer." + path : path;
        if (!prefixed.startsWith(blocks())) {
            return null;
        }
        String rest = prefixed.substring(blocks().length());
        int dot = rest.indexOf('.');
        String part = dot < 0 ? null : parts.get(rest.substring(dot + 1));
        if (part == null || part.endsWith("_norm") || !rest.substring(0, dot).matches("0|[1-9][0-9]{0,5}")) {
            return null;
        }
        return new Place(Integer.parseInt(rest.substring(0, dot)), part);
    }

    /**
     * A linear layer in a GGUF file.
     *
     * @param block -1 outside of all blocks
     */
    record Place(int block, String part) {
        String target() {
            return block < 0 ? part + ".weight" : "blk.%d.%s.weight".formatted(block, part);
        }
    }

    /** Tables of names. */
    private static final class Parts {
        private Parts() {}

        private static Map<String, String> projections() {
            Map<String, String> parts = new LinkedHashMap<>();
            parts.put("self_attn.q_proj", "attn_q");
            parts.put("self_attn.k_proj", "attn_k");
            parts.put("self_attn.v_proj", "attn_v");
            parts.put("self_attn.o_proj", "attn_output");
            parts.put("mlp.gate_proj", "ffn_gate");
            parts.put("mlp.up_proj", "ffn_up");
            parts.put("mlp.down_proj", "ffn_down");
            return parts;
        }

        static Map<String, String> preNorm() {
            Map<String, String> parts = projections();
            parts.put("input_layernorm", "attn_norm");
            parts.put("post_attention_layernorm", "ffn_norm");
            return parts;
        }

        static Map<String, String> postNorm() {
            Map<String, String> parts = projections();
            parts.put("post_attention_layernorm", "post_attention_norm");
            parts.put("post_feedforward_layernorm", "post_ffw_norm");
            return parts;
        }

        static Map<String, String> fourNorms() {
            Map<String, String> parts = postNorm();
            parts.put("input_layernorm", "attn_norm");
            parts.put("pre_feedforward_layernorm", "ffn_norm");
            return parts;
        }

        static Map<String, String> headNorms(Map<String, String> parts) {
            parts.put("self_attn.q_norm", "attn_q_norm");
            parts.put("self_attn.k_norm", "attn_k_norm");
            return parts;
        }

        static Map<String, String> fused() {
            Map<String, String> parts = new LinkedHashMap<>();
            parts.put("input_layernorm", "attn_norm");
            parts.put("self_attn.qkv_proj", "attn_qkv");
            parts.put("self_attn.o_proj", "attn_output");
            parts.put("post_attention_layernorm", "ffn_norm");
            parts.put("mlp.gate_up_proj", "ffn_up");
            parts.put("mlp.down_proj", "ffn_down");
            return parts;
        }

        static Map<String, String> gpt2() {
            Map<String, String> parts = new LinkedHashMap<>();
            parts.put("ln_1", "attn_norm");
            parts.put("attn.c_attn", "attn_qkv");
            parts.put("attn.c_proj", "attn_output");
            parts.put("ln_2", "ffn_norm");
            parts.put("mlp.c_fc", "ffn_up");
            parts.put("mlp.c_proj", "ffn_down");
            return parts;
        }
    }
}
