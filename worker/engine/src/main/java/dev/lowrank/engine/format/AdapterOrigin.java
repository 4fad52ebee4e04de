package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * How an adapter was trained: {@code lowrank.json} beside {@code adapter_config.json}, which PEFT passes over. Merging
 * must know what precision the base had.
 *
 * @param method such as {@code qlora}
 * @param nf4 whether the base was held in NF4
 * @param doubleQuantized whether its scales were quantized too
 * @param baseSha256 see {@link ModelFolder#sha256}
 * @param spec every setting of the run but its paths; an object
 */
public record AdapterOrigin(String method, boolean nf4, boolean doubleQuantized, String baseSha256, ObjectNode spec) {
    public static final String FILE = "lowrank.json";

    private static final int VERSION = 1;
    private static final int LARGEST = 4 << 20;

    /** Writes the file and syncs it to the disk. */
    public void write(Path folder) {
        ObjectNode json = JsonMapper.shared().createObjectNode();
        json.put("format_version", VERSION).put("method", method);
        json.putObject("quantization").put("type", nf4 ? "nf4" : "none").put("double", doubleQuantized);
        json.put("base_sha256", baseSha256).set("spec", spec);
        byte[] text = JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsBytes(json);
        try {
            Durable.write(folder.resolve(FILE), text);
            Durable.syncFolder(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write " + folder.resolve(FILE), e);
        }
    }

    /**
     * What a folder says.
     *
     * @return null if it says nothing, as folders from elsewhere
     * @throws InputException if the file is not sound
     */
    public static @Nullable AdapterOrigin read(Path folder) {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            return null;
        }
        JsonNode json = JsonFile.read(file, LARGEST);
        JsonNode quantization = json.path("quantization");
        String type = quantization.path("type").stringValue("");
        boolean sound = json.path("format_version").isInt()
                && json.path("format_version").intValue() == VERSION
                && (type.equals("none") || type.equals("nf4"))
                && quantization.path("double").isBoolean()
                && json.path("method").isString()
                && json.path("base_sha256").isString()
                && json.path("spec") instanceof ObjectNode;
        if (!sound) {
            throw Refusal.of(
                    file,
                    "does not say how the adapter was trained in a way this version knows; copy it again or remove it");
        }
        return new AdapterOrigin(
                json.get("method").stringValue(),
                type.equals("nf4"),
                quantization.get("double").booleanValue(),
                json.get("base_sha256").stringValue(),
                (ObjectNode) json.get("spec"));
    }
}
