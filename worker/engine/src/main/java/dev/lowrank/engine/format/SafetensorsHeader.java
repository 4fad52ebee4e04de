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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
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
    private static final Map<String, StoredType> TYPES =
            Arrays.stream(StoredType.values()).collect(Collectors.toUnmodifiableMap(Enum::name, type -> type));
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
                    "has a header that nests too deep or holds a name, text or number that is too long" + BROKEN,
                    e);
        } catch (JacksonException e) {
            throw Refusal.of(
                    file,
                    "has a header that is not valid JSON near character %d%s"
                            .formatted(
                                    e.getLocation() == null
                                            ? 0
                                            : e.getLocation().getCharOffset(),
                                    BROKEN),
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

    /** One reading of one header. No sentence is put together before it is needed: a header may list many tensors. */
    private static final class Parse {
        private final Path file;
        private final JsonParser parser;
        private final long dataBytes;
        private final Map<String, TensorInfo> found = new LinkedHashMap<>();
        private final long[] numbers = new long[HIGHEST_RANK];
        private @Nullable Map<String, String> metadata;
        private String tensor = "";

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
                if (parser.nextToken() != JsonToken.VALUE_STRING) {
                    throw refuse("has __metadata__ entry %s that is not a text".formatted(Refusal.quoted(key)));
                }
                if (texts.put(key, parser.getString()) != null) {
                    throw refuse("has __metadata__ entry %s twice".formatted(Refusal.quoted(key)));
                }
                expect(texts.size() <= MOST_METADATA, "has more than 10000 __metadata__ entries");
            }
            return texts;
        }

        private void readTensor(String name) {
            tensor = name;
            expect(found.size() < MOST_TENSORS, "lists more than 100000 tensors");
            expectTensor(name.length() <= LONGEST_NAME, "with a name of more than 512 characters");
            expectTensor(isPlainText(name), "with a name that is not plain text");
            expectTensor(parser.nextToken() == JsonToken.START_OBJECT, "that is not an object");
            StoredType dtype = null;
            long[] shape = null;
            long[] offsets = null;
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                switch (field) {
                    case "dtype" -> {
                        expectTensor(dtype == null, "with its dtype twice");
                        dtype = readDtype();
                    }
                    case "shape" -> {
                        expectTensor(shape == null, "with its shape twice");
                        shape = readNumbers(field, HIGHEST_RANK);
                    }
                    case "data_offsets" -> {
                        expectTensor(offsets == null, "with its data_offsets twice");
                        offsets = readNumbers(field, 2);
                    }
                    default -> throw refuseTensor("with an unknown field " + Refusal.quoted(field));
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                throw refuseTensor("without dtype, shape or data_offsets");
            }
            expectTensor(offsets.length == 2, "whose data_offsets are not two numbers");
            TensorInfo info = new TensorInfo(name, dtype, shape, offsets[0], offsets[1]);
            checkSize(info);
            expectTensor(found.put(name, info) == null, "twice");
        }

        private StoredType readDtype() {
            expectTensor(parser.currentToken() == JsonToken.VALUE_STRING, "whose dtype is not a text");
            String word = parser.getString();
            StoredType dtype = TYPES.get(word);
            if (dtype == null) {
                throw refuseTensor("of the unknown dtype " + Refusal.quoted(word));
            }
            return dtype;
        }

        private long[] readNumbers(String field, int most) {
            if (parser.currentToken() != JsonToken.START_ARRAY) {
                throw refuseTensor("whose %s is not a list".formatted(field));
            }
            int count = 0;
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (count == most) {
                    throw refuseTensor("whose %s has more than %d numbers".formatted(field, most));
                }
                if (!isSize()) {
                    throw refuseTensor("whose %s has something else than numbers from 0 to 2^63-1".formatted(field));
                }
                numbers[count++] = parser.getLongValue();
            }
            return Arrays.copyOf(numbers, count);
        }

        private boolean isSize() {
            return parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER
                    && parser.getStringCharacters()[parser.getStringOffset()] != '-';
        }

        private void checkSize(TensorInfo info) {
            long given = info.end() - info.begin();
            if (given < 0 || info.end() > dataBytes) {
                throw refuseTensor(
                        "at bytes %d to %d of the %d bytes there are".formatted(info.begin(), info.end(), dataBytes));
            }
            long bits;
            try {
                bits = Math.multiplyExact(info.count(), info.dtype().bits());
            } catch (ArithmeticException e) {
                throw refuseTensor("whose shape multiplies to more than 2^63");
            }
            if (bits % 8 != 0 || bits / 8 != given) {
                throw refuseTensor("whose shape and dtype need %d bits while data_offsets give it %d bytes"
                        .formatted(bits, given));
            }
        }

        private Map<String, TensorInfo> inOrder() {
            List<TensorInfo> tensors = new ArrayList<>(found.values());
            tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
            Map<String, TensorInfo> ordered = LinkedHashMap.newLinkedHashMap(tensors.size());
            long next = 0;
            for (TensorInfo info : tensors) {
                if (info.begin() != next) {
                    throw refuse("holds tensor %s that starts at byte %d, which leaves a hole or overlap at byte %d"
                            .formatted(Refusal.quoted(info.name()), info.begin(), next));
                }
                next = info.end();
                ordered.put(info.name(), info);
            }
            if (next != dataBytes) {
                throw refuse("holds %d bytes of tensors and then %d bytes that belong to none"
                        .formatted(next, dataBytes - next));
            }
            return Collections.unmodifiableMap(ordered);
        }

        /** No control characters, and no half of a surrogate pair, which could not be written again. */
        private static boolean isPlainText(String name) {
            for (int i = 0; i < name.length(); i++) {
                char c = name.charAt(i);
                boolean pair = i + 1 < name.length() && Character.isSurrogatePair(c, name.charAt(i + 1));
                if (pair) {
                    i++;
                } else if (Character.isISOControl(c) || Character.isSurrogate(c)) {
                    return false;
                }
            }
            return true;
        }

        private void expectTensor(boolean holds, String problem) {
            if (!holds) {
                throw refuseTensor(problem);
            }
        }

        private InputException refuseTensor(String problem) {
            return refuse("holds tensor %s %s".formatted(Refusal.quoted(tensor), problem));
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
