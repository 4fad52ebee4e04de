package dev.lowrank.engine.tokenizer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The small tokenizer of the tests (391 tokens, byte-level BPE, a chat template) and what transformers says with it. */
public final class Fixture {
    private static final JsonMapper JSON = JsonMapper.shared();

    private Fixture() {}

    public static Path folder() {
        try {
            return Path.of(Objects.requireNonNull(Fixture.class.getResource("boats"), "boats")
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    public static Tokenizer open() {
        return Tokenizer.open(folder());
    }

    public static List<JsonNode> lines(String name) {
        try {
            return Files.readAllLines(folder().resolve(name)).stream()
                    .map(JSON::readTree)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static int[] ints(JsonNode array) {
        return JSON.treeToValue(array, int[].class);
    }
}
