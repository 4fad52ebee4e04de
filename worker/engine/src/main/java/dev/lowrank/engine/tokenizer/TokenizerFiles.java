package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Reads a tokenizer's files within bounds, and words what is wrong with them. */
final class TokenizerFiles {
    private TokenizerFiles() {}

    /** @throws InputException if the file is missing or larger than allowed */
    static byte[] readBytes(Path file, int maxBytes) {
        if (!Files.isRegularFile(file)) {
            throw refusal(file, "is missing; copy it from the base model's folder", null);
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(maxBytes);
            if (in.read() >= 0) {
                throw refusal(
                        file, "is larger than " + (maxBytes >> 20) + " MiB; check that it is the right file", null);
            }
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
    }

    static String readText(Path file, int maxBytes) {
        return decode(file, readBytes(file, maxBytes));
    }

    static String decode(Path file, byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw refusal(file, "is not valid UTF-8; copy it again from the base model", e);
        }
    }

    /** {@code problem} continues the sentence after the file's name, without the full stop. */
    static InputException refusal(Path file, String problem, @Nullable Throwable cause) {
        Path absolute = file.toAbsolutePath().normalize();
        int names = absolute.getNameCount();
        Path shown = names > 2 ? absolute.subpath(names - 2, names) : absolute;
        return cause == null
                ? new InputException(shown + " " + problem + ".")
                : new InputException(shown + " " + problem + ".", cause);
    }
}
