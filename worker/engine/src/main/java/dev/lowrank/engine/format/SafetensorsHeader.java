package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;

/**
 * The checked JSON header of a safetensors file.
 *
 * @param tensors by name, in the order of their bytes
 * @param metadata the free texts beside them
 */
record SafetensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
    static final int MOST_TENSORS = 100_000;
    static final int LONGEST_NAME = 512;
    static final int HIGHEST_RANK = 8;
    private static final int MOST_METADATA = 10_000;
    private static final String BROKEN =
            "; the file is damaged, cut short or not from a safetensors writer, so copy or convert it again";

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(4)
                    .maxNameLength(8 * LONGEST_NAME)
                    .maxStringLength(4 << 20)
                    .maxNumberLength(24)
                    .build())
            // Names are as many as the file likes and never repeat: a symbol table would only hold memory.
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
            .build();

    /**
     * Reads and checks a header.
     *
     * @param json the header's bytes with their padding
     * @param dataBytes bytes that follow the header in the file
     * @throws InputException naming the first thing that is wrong
     */
    static SafetensorsHeader parse(Path file, byte[] json, long dataBytes) {
        int length = withoutPadding(file, json);
        // Through a strict decoder: the parser's own would guess the encoding and let some bad UTF-8 pass.
        Reader text = new InputStreamReader(
                new ByteArrayInputStream(json, 0, length),
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT));
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text)) {
            return new Parse(file, parser, dataBytes).header();
        } catch (JacksonIOException e) {
            throw Refusal.of(file, "has a header that is not valid UTF-8" + BROKEN, e);
        } catch (StreamConstraintsException e) {
            throw Refusal.of(
                    file,
                    "has a header that nests too deep or holds a name, text or number that is too long, near character "
                            + e.getLocation().getCharOffset() + BROKEN,
                    e);
        } catch (JacksonException e) {
            throw Refusal.of(
                    file,
                    "has a header that is not valid JSON near character "
                            + e.getLocation().getCharOffset() + BROKEN,
                    e);
        }
    }

    private static int withoutPadding(Path file, byte[] json) {
        int length = json.length;
        while (length > 0 && json[length - 1] == ' ') {
            length--;
        }
        if (length < 2 || json[0] != '{') {
            throw Refusal.of(file, "has a header that does not start with '{'" + BROKEN);
        }
        if (json[length - 1] != '}') {
            throw Refusal.of(file, "has a header that does not end with '}' and spaces" + BROKEN);
        }
        return length;
    }

    /** One reading of one header. */
    private static final class Parse {
        private final Path file;
        private final JsonParser parser;
        private final long dataBytes;
        private final Map<String, TensorInfo> found = new LinkedHashMap<>();
        private @Nullable Map<String, String> metadata;

        Parse(Path file, JsonParser parser, long dataBytes) {
            this.file = file;
            this.parser = parser;
            this.dataBytes = dataBytes;
        }

        SafetensorsHeader header() {
            expect(parser.nextToken() == JsonToken.START_OBJECT, "is not an object");
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                if (name.equals("__metadata__")) {
                    expect(metadata == null, "holds __metadata__ twice");
                    metadata = readMetadata();
                } else {
                    readTensor(name);
                }
            }
            expect(parser.nextToken() == null, "goes on after its closing '}'");
            Map<String, String> texts = metadata == null ? Map.of() : metadata;
            return new SafetensorsHeader(inOrder(), Collections.unmodifiableMap(texts));
        }

        private Map<String, String> readMetadata() {
            expect(parser.nextToken() == JsonToken.START_OBJECT, "has __metadata__ that is not an object");
            Map<String, String> texts = new LinkedHashMap<>();
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                expect(
                        parser.nextToken() == JsonToken.VALUE_STRING,
                        "has __metadata__ entry %s that is not a text".formatted(Refusal.quoted(key)));
                expect(
                        texts.put(key, parser.getString()) == null,
                        "has __metadata__ entry %s twice".formatted(Refusal.quoted(key)));
                expect(texts.size() <= MOST_METADATA, "has more than %d __metadata__ entries".formatted(MOST_METADATA));
            }
            return texts;
        }

        private void readTensor(String name) {
            String tensor = "tensor " + Refusal.quoted(name);
            expect(
                    name.length() <= LONGEST_NAME,
                    "holds %s with a name of more than %d characters".formatted(tensor, LONGEST_NAME));
            expect(isPlainText(name), "holds %s with a name that is not plain text".formatted(tensor));
            expect(found.size() < MOST_TENSORS, "lists more than %d tensors".formatted(MOST_TENSORS));
            expect(parser.nextToken() == JsonToken.START_OBJECT, "holds %s that is not an object".formatted(tensor));
            Set<String> fields = HashSet.newHashSet(3);
            StoredType dtype = null;
            long[] shape = null;
            long[] offsets = null;
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String field = parser.currentName();
                expect(fields.add(field), "holds %s with %s twice".formatted(tensor, Refusal.quoted(field)));
                parser.nextToken();
                switch (field) {
                    case "dtype" -> dtype = readDtype(tensor);
                    case "shape" -> shape = readNumbers(tensor, "shape", HIGHEST_RANK);
                    case "data_offsets" -> offsets = readNumbers(tensor, "data_offsets", 2);
                    default ->
                        throw refuse("holds %s with an unknown field %s".formatted(tensor, Refusal.quoted(field)));
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                throw refuse("holds %s without dtype, shape or data_offsets".formatted(tensor));
            }
            expect(offsets.length == 2, "holds %s whose data_offsets are not two numbers".formatted(tensor));
            TensorInfo info = new TensorInfo(name, dtype, shape, offsets[0], offsets[1]);
            checkSize(tensor, info);
            expect(found.put(name, info) == null, "holds %s twice".formatted(tensor));
        }

        private StoredType readDtype(String tensor) {
            expect(
                    parser.currentToken() == JsonToken.VALUE_STRING,
                    "holds %s whose dtype is not a text".formatted(tensor));
            String word = parser.getString();
            return Arrays.stream(StoredType.values())
                    .filter(type -> type.name().equals(word))
                    .findFirst()
                    .orElseThrow(
                            () -> refuse("holds %s of the unknown dtype %s".formatted(tensor, Refusal.quoted(word))));
        }

        private long[] readNumbers(String tensor, String field, int most) {
            expect(
                    parser.currentToken() == JsonToken.START_ARRAY,
                    "holds %s whose %s is not a list".formatted(tensor, field));
            long[] numbers = new long[most];
            int count = 0;
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                expect(count < most, "holds %s whose %s has more than %d numbers".formatted(tensor, field, most));
                numbers[count++] = readNumber(tensor, field);
            }
            return Arrays.copyOf(numbers, count);
        }

        private long readNumber(String tensor, String field) {
            boolean small = parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
            expect(
                    small && !parser.getString().startsWith("-"),
                    "holds %s whose %s has something else than a number from 0 to 2^63-1".formatted(tensor, field));
            return parser.getLongValue();
        }

        private void checkSize(String tensor, TensorInfo info) {
            expect(
                    info.begin() <= info.end() && info.end() <= dataBytes,
                    "places %s at bytes %d to %d of the %d bytes there are"
                            .formatted(tensor, info.begin(), info.end(), dataBytes));
            long bits;
            try {
                bits = Math.multiplyExact(info.count(), info.dtype().bits());
            } catch (ArithmeticException e) {
                throw refuse("holds %s whose shape multiplies to more than 2^63".formatted(tensor));
            }
            expect(
                    bits % 8 == 0 && bits / 8 == info.end() - info.begin(),
                    "holds %s whose shape and dtype need %d bytes while data_offsets give it %d"
                            .formatted(tensor, bits / 8, info.end() - info.begin()));
        }

        private Map<String, TensorInfo> inOrder() {
            List<TensorInfo> tensors = new ArrayList<>(found.values());
            tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
            Map<String, TensorInfo> ordered = LinkedHashMap.newLinkedHashMap(tensors.size());
            long next = 0;
            for (TensorInfo tensor : tensors) {
                expect(
                        tensor.begin() == next,
                        "holds tensor %s that starts at byte %d, which leaves a hole or overlap at byte %d"
                                .formatted(Refusal.quoted(tensor.name()), tensor.begin(), next));
                next = tensor.end();
                ordered.put(tensor.name(), tensor);
            }
            expect(
                    next == dataBytes,
                    "holds %d bytes of tensors and then %d bytes that belong to none"
                            .formatted(next, dataBytes - next));
            return Collections.unmodifiableMap(ordered);
        }

        private static boolean isPlainText(String name) {
            return name.chars().noneMatch(Character::isISOControl)
                    && StandardCharsets.UTF_8.newEncoder().canEncode(name);
        }

        private void expect(boolean holds, String problem) {
            if (!holds) {
                throw refuse(problem);
            }
        }

        private InputException refuse(String problem) {
            return Refusal.of(file, "has a header that " + problem + BROKEN);
        }
    }
}
