package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Random damage to a sound file: it is read or refused, and nothing else happens. */
class SafetensorsMutationTest {
    private static final int ROUNDS = 6_000;
    private static final String ALPHABET = "{}[]\":,0123456789-eE.\\ub \0F8I64_";

    @TempDir
    Path temporary;

    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS)
    void damagedFileIsReadOrRefused() throws IOException {
        byte[] sound = sound();
        Path file = temporary.resolve("mutant.safetensors");
        int accepted = 0;
        for (int seed = 0; seed < ROUNDS; seed++) {
            byte[] mutant = mutate(sound, new SplittableRandom(seed));
            Files.write(file, mutant);
            if (survives(file, seed, mutant)) {
                accepted++;
            }
        }
        assertThat(accepted).as("mutants still readable").isBetween(ROUNDS / 50, ROUNDS * 9 / 10);
    }

    private byte[] sound() throws IOException {
        Path file = temporary.resolve("sound.safetensors");
        new SafetensorsWriter()
                .metadata("format", "pt")
                .add("layers.0.weight", StoredType.F32, new long[] {3, 4}, new float[12])
                .add("layers.1.weight", StoredType.BF16, new long[] {5}, new float[5])
                .add("norm", StoredType.F16, new long[] {}, new float[1])
                .addLongs("ids", StoredType.I64, new long[] {2, 0, 3}, new long[0])
                .addLongs("packed", StoredType.U8, new long[] {9}, new long[9])
                .write(file);
        return Files.readAllBytes(file);
    }

    private static byte[] mutate(byte[] sound, SplittableRandom random) {
        byte[] bytes = sound.clone();
        int header = 8 + (sound[0] & 0xff | (sound[1] & 0xff) << 8);
        for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
            switch (random.nextInt(6)) {
                case 0 -> bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[random.nextInt(Math.min(header, bytes.length))] ^= (byte) (1 << random.nextInt(8));
                case 2 ->
                    bytes[8 + random.nextInt(Math.max(1, Math.min(header, bytes.length) - 8))] =
                            (byte) ALPHABET.charAt(random.nextInt(ALPHABET.length()));
                case 3 -> bytes[random.nextInt(8)] = (byte) random.nextInt();
                case 4 -> bytes = Arrays.copyOf(bytes, 9 + random.nextInt(bytes.length + 16));
                default -> {
                    int at = random.nextInt(bytes.length);
                    int to = random.nextInt(bytes.length);
                    int length = Math.min(random.nextInt(24), bytes.length - Math.max(at, to));
                    System.arraycopy(bytes, at, bytes, to, length);
                }
            }
        }
        return bytes;
    }

    private static boolean survives(Path file, int seed, byte[] mutant) {
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            for (TensorInfo tensor : read.tensors().values()) {
                if (tensor.dtype().readableAsFloats()) {
                    assertThat(read.floats(tensor.name())).hasSize((int) tensor.count());
                } else if (tensor.dtype().readableAsLongs()) {
                    assertThat(read.longs(tensor.name())).hasSize((int) tensor.count());
                }
            }
            return true;
        } catch (InputException refused) {
            return false;
        } catch (RuntimeException | Error other) {
            return fail(
                    "seed %d: %s%n%s"
                            .formatted(
                                    seed,
                                    new String(mutant, StandardCharsets.ISO_8859_1),
                                    HexFormat.of().formatHex(mutant)),
                    other);
        }
    }
}
