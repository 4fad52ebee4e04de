package dev.lowrank.engine.export;

import dev.lowrank.engine.tokenizer.Fixture;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Model folders for tests, made of what lies beside the tests. */
final class TinyModels {
    private static final Path LLAMA = Path.of("src/test/resources/fixtures/llama-tiny");

    private TinyModels() {}

    static Path llama() {
        return LLAMA.resolve("model");
    }

    static Path adapter() {
        return LLAMA.resolve("trained-adapter");
    }

    /** A copy with keys of a JSON file set; a value of null removes the key. */
    static Path changed(Path source, Path target, String file, String changes) throws IOException {
        Files.createDirectories(target);
        try (Stream<Path> files = Files.list(source)) {
            for (Path each : files.toList()) {
                Files.copy(each, target.resolve(each.getFileName().toString()));
            }
        }
        JsonMapper json = JsonMapper.shared();
        ObjectNode config = (ObjectNode) json.readTree(Files.readString(target.resolve(file)));
        json.readTree(changes).forEachEntry((key, value) -> {
            if (value.isNull()) {
                config.remove(key);
            } else {
                config.set(key, value);
            }
        });
        Files.writeString(target.resolve(file), json.writeValueAsString(config));
        return target;
    }

    /** The byte-level tokenizer of the tests. */
    static Path bytePairs() {
        return Fixture.folder();
    }

    /** A small SentencePiece vocabulary, as tokenizer.json spells it. */
    static Path pieces() {
        try {
            return Path.of(Objects.requireNonNull(TinyModels.class.getResource("pieces"), "pieces")
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
