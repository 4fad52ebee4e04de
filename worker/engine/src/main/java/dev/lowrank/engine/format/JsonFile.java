package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads JSON files of others strictly: bounded in size and depth, UTF-8 only, no key twice, nothing after the end. */
public final class JsonFile {
    private static final int DEEPEST = 64;
    /** A bound on the memory of the tree: a file of nothing but brackets would grow thirty-fold. */
    private static final int MOST_VALUES = 1_000_000;

    private JsonFile() {}

    /**
     * Reads a file.
     *
     * @param maxBytes the most the file may have
     * @throws InputException if it is missing, larger than that, or not one sound JSON value
     * @throws UncheckedIOException if the disk fails
     */
    public static JsonNode read(Path file, int maxBytes) {
        return read(file, maxBytes, MOST_VALUES);
    }

    /**
     * Reads a file that may hold more values than most.
     *
     * @param maxValues names, values and brackets the file may have; each takes about 100 bytes of memory
     * @throws InputException as above, and if it has more
     */
    public static JsonNode read(Path file, int maxBytes, int maxValues) {
        byte[] bytes = readBounded(file, maxBytes);
        JsonNode node;
        try {
            node = parse(bytes, maxValues);
        } catch (JacksonIOException e) {
            throw Refusal.of(file, "is not valid UTF-8; save it as UTF-8", e);
        } catch (JacksonException e) {
            throw Refusal.of(file, problem(e, maxValues), e);
        }
        if (node.isMissingNode()) {
            throw Refusal.of(file, "is empty where JSON belongs; copy or download it again");
        }
        return node;
    }

    /** Reads one strict JSON value; nothing but spaces is a missing node. */
    static JsonNode parse(byte[] bytes) throws JacksonException {
        return parse(bytes, MOST_VALUES);
    }

    private static JsonNode parse(byte[] bytes, int maxValues) {
        Reader text = new InputStreamReader(
                new ByteArrayInputStream(bytes),
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT));
        return mapper(maxValues).readTree(text);
    }

    private static JsonMapper mapper(int maxValues) {
        return JsonMapper.builder(JsonFactory.builder()
                        .streamReadConstraints(StreamReadConstraints.builder()
                                .maxNestingDepth(DEEPEST)
                                .maxTokenCount(maxValues)
                                // Below what a double holds: a longer number would not convert.
                                .maxNumberLength(300)
                                .build())
                        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                        .build())
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .build();
    }

    private static String problem(JacksonException e, int maxValues) {
        String reason =
                String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
        if (reason.contains("uplicate")) {
            return "has a key twice at line %d; keep one of them".formatted(line(e));
        }
        if (e instanceof StreamConstraintsException) {
            return "nests deeper than %d, or holds more than %d values or an overlong name or number; simplify it"
                    .formatted(DEEPEST, maxValues);
        }
        return "is not valid JSON at line %d, column %d; correct it or download it again"
                .formatted(
                        line(e),
                        e.getLocation() == null
                                ? 1
                                : Math.max(1, e.getLocation().getColumnNr()));
    }

    private static int line(JacksonException e) {
        return e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getLineNr());
    }

    private static byte[] readBounded(Path file, int maxBytes) {
        if (!Files.isRegularFile(file)) {
            throw Refusal.of(
                    file,
                    Files.exists(file)
                            ? "is not a regular file; a JSON file belongs there"
                            : "is missing; check the path or copy the folder again");
        }
        try (InputStream in = Files.newInputStream(file)) {
            if (Files.size(file) > maxBytes) {
                throw tooLarge(file, maxBytes);
            }
            byte[] bytes = in.readNBytes(maxBytes);
            if (in.read() >= 0) {
                throw tooLarge(file, maxBytes);
            }
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
    }

    private static InputException tooLarge(Path file, int maxBytes) {
        return Refusal.of(
                file,
                "is larger than the %d bytes allowed for it; check that it is the right file".formatted(maxBytes));
    }
}
