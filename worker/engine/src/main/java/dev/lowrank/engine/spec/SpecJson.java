package dev.lowrank.engine.spec;

import dev.lowrank.engine.spec.Quantization.Type;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Reads and writes {@link TrainingSpec} as JSON; what the user left out is filled in, and said. */
public final class SpecJson {
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(32)
                            .maxTokenCount(200_000)
                            // Below what a double holds: a longer number would not convert.
                            .maxNumberLength(300)
                            .build())
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private SpecJson() {}

    /**
     * A spec and what was filled in.
     *
     * @param resolutions the values the user left out, in the order of the spec
     */
    public record Read(TrainingSpec spec, List<Resolution> resolutions) {}

    /**
     * Reads a spec from JSON text.
     *
     * @throws SpecException naming the first field that is wrong
     */
    public static Read parse(String json) {
        JsonNode root;
        try {
            root = MAPPER.readTree(json);
        } catch (JacksonException e) {
            throw new SpecException("spec", "is not valid JSON: " + e.getOriginalMessage() + ".");
        }
        return read(root);
    }

    /**
     * Reads a spec from a JSON tree.
     *
     * @throws SpecException naming the first field that is wrong
     */
    public static Read read(JsonNode root) {
        if (!root.isObject()) {
            throw new SpecException("spec", "must be a JSON object.");
        }
        List<Resolution> resolutions = new ArrayList<>();
        Section top = new Section("", (ObjectNode) root, resolutions);
        String base = top.requiredText("base_model");
        String train = top.requiredText("training_file");
        String validation = top.optionalText("validation_file");
        DataFormat format = top.choice("format", DataFormat.class, DataFormat.AUTO, "found from the first row");
        Method method = top.choice("method", Method.class, Method.LORA, "trains least and fits everywhere");
        Quantization quantization = quantization(top.section("quantization"), method);
        String output = top.optionalText("output");
        String initial = top.optionalText("initial_adapter");
        AdapterSpec adapter = AdapterReader.read(top.section("adapter"), method, initial);
        TrainingSettings training = TrainingReader.read(top.section("training"), method);
        top.refuseUnknown();
        return new Read(
                new TrainingSpec(base, train, validation, format, method, quantization, output, adapter, training),
                List.copyOf(resolutions));
    }

    private static Quantization quantization(Section in, Method method) {
        in.allow("type");
        in.allow("double");
        in.refuseUnknown();
        boolean four = method == Method.QLORA;
        Type type = in.choice(
                "type",
                Type.class,
                four ? Type.NF4 : Type.NONE,
                four ? "what method \"qlora\" means" : "the base as it is");
        if (type == Type.NONE) {
            SpecException.unless(
                    !in.has("double"),
                    "quantization.double",
                    "has no meaning with type \"none\"; leave it out, or say type \"nf4\".");
            return Quantization.NONE;
        }
        boolean doubled = in.bool("double", true, "saves another 0.37 bits a parameter at no measurable loss");
        return new Quantization(type, doubled);
    }

    /** The spec as JSON, every value written out; {@link #read} gives an equal spec back. */
    public static ObjectNode write(TrainingSpec spec) {
        return SpecWriter.write(spec);
    }
}
