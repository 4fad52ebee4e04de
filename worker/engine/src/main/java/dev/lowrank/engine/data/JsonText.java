package dev.lowrank.engine.data;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads one row's JSON, within bounds, and says in one sentence what is wrong with it. */
final class JsonText {
    private static final int DEEPEST = 64;
    /** A bound on the memory a row's tree may take: a line of nothing but brackets would grow thirty-fold. */
    static final int MOST_VALUES = 2_000_000;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(DEEPEST)
                            .maxTokenCount(MOST_VALUES)
                            .maxStringLength(Integer.MAX_VALUE)
                            // Below what a double holds: a longer number would not convert.
                            .maxNumberLength(300)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private JsonText() {}

    /** A line of JSON Lines; the file's first one may begin with a byte order mark. */
    static JsonNode line(byte[] bytes, boolean first) {
        int from = first && startsWithMark(bytes) ? 3 : 0;
        checkNoZeros(bytes, "line");
        String text = text(bytes, from, "line");
        try {
            return MAPPER.readTree(text);
        } catch (StreamConstraintsException e) {
            throw tooMuch();
        } catch (JacksonException e) {
            throw new RowException("", describe(e, text));
        }
    }

    /**
     * An element of a JSON array.
     *
     * @param line where the element begins
     */
    static JsonNode element(byte[] bytes, long line) {
        checkNoZeros(bytes, "row");
        String text = text(bytes, 0, "row");
        try {
            return MAPPER.readTree(text);
        } catch (StreamConstraintsException e) {
            throw tooMuch();
        } catch (JacksonException e) {
            String reason = firstLine(e.getOriginalMessage());
            if (reason.startsWith("Duplicate")) {
                throw new RowException("", "A key stands twice in one object; keep one of them.");
            }
            long at = line + Math.max(0, e.getLocation().getLineNr() - 1);
            throw new RowException(
                    "", "The row is not valid JSON in line %d (%s); correct it.".formatted(at, shortened(reason)));
        }
    }

    /** The value a text stands for, or null if it is no JSON or too much of it. */
    static @Nullable JsonNode readQuietly(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JacksonException e) {
            return null;
        }
    }

    static boolean startsWithMark(byte[] bytes) {
        return bytes.length >= 3 && bytes[0] == (byte) 0xEF && bytes[1] == (byte) 0xBB && bytes[2] == (byte) 0xBF;
    }

    private static String text(byte[] bytes, int from, String noun) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes, from, bytes.length - from))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new RowException(
                    "",
                    "The %s is not valid UTF-8 from byte %d on; save the file as UTF-8."
                            .formatted(noun, soundBytes(bytes) + 1));
        }
    }

    private static void checkNoZeros(byte[] bytes, String noun) {
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == 0) {
                throw new RowException(
                        "",
                        "The %s holds a NUL byte (byte %d); save the file as UTF-8 (not UTF-16) text."
                                .formatted(noun, i + 1));
            }
        }
    }

    private static int soundBytes(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        StandardCharsets.UTF_8.newDecoder().decode(in, CharBuffer.allocate(bytes.length), true);
        return in.position();
    }

    private static RowException tooMuch() {
        return new RowException(
                "",
                "The row nests deeper than %d, or holds more than %d values or an overlong number; simplify or split it."
                        .formatted(DEEPEST, MOST_VALUES));
    }

    private static String describe(JacksonException e, String text) {
        String reason = firstLine(e.getOriginalMessage());
        int column = Math.max(1, e.getLocation().getColumnNr());
        if (reason.startsWith("Duplicate")) {
            return "A key stands twice in one object (column %d); keep one of them.".formatted(column);
        }
        if (Arrays.asList("{", "[").contains(text.strip())) {
            return "The line holds only \"%s\"; put each row on one line, without line breaks inside."
                    .formatted(text.strip());
        }
        return "The line is not valid JSON at column %d (%s); correct it.".formatted(column, shortened(reason));
    }

    private static String firstLine(@Nullable String text) {
        return text == null ? "" : text.lines().findFirst().orElse("");
    }

    private static String shortened(String reason) {
        return reason.length() <= 120 ? reason : reason.substring(0, 119) + "…";
    }
}
