package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.format.NamedTensor;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftPatterns;
import dev.lowrank.engine.format.Refusal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Rewrites a LoRA adapter with one rank R and one scale, 1, for servers that read nothing else: each layer's scale
 * (rsLoRA, rank and alpha patterns) is folded into its B, and layers of a lower rank get rows and columns of zeros.
 */
public final class PlainAdapterExport {
    private static final List<String> OURS = List.of(PeftFolder.CONFIG, PeftFolder.WEIGHTS);

    private PlainAdapterExport() {}

    /**
     * Writes the plain adapter with all other files of the folder beside it, and reads it back.
     *
     * @param output a folder that does not exist yet
     * @return the rank that all layers have now
     * @throws InputException if the adapter is more than factors of linear layers
     */
    public static int write(Path adapter, Path output) {
        if (Files.exists(output)) {
            throw Refusal.of(output, "is there already; name another folder or remove it");
        }
        Path draft = output.toAbsolutePath().resolveSibling(output.getFileName() + ".draft");
        try (PeftFolder source = PeftFolder.open(adapter)) {
            PeftLora lora = requirePlainable(source);
            int rank = source.modules().stream().mapToInt(lora::rank).max().orElse(lora.rank());
            List<NamedTensor> tensors = plain(source, lora, rank);
            Durable.deleteTree(draft);
            PeftFolder.write(draft, plain(lora, rank), tensors);
            copyOthers(adapter, draft);
            requireEqual(draft, tensors);
            Files.move(draft, output, StandardCopyOption.ATOMIC_MOVE);
            return rank;
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write %s: %s".formatted(output, e.getMessage()), e);
        }
    }

    private static PeftLora requirePlainable(PeftFolder source) {
        if (!(source.config() instanceof PeftLora lora)) {
            throw Refusal.of(
                    source.path(),
                    "is a %s adapter, which has no plain LoRA form"
                            .formatted(source.config().kind()));
        }
        if (lora.dora()) {
            throw Refusal.of(
                    source.path(), "is a DoRA adapter, whose magnitudes no plain LoRA has; merge it into the base");
        }
        if (lora.bias() != PeftLora.Bias.NONE || !lora.modules().save().isEmpty()) {
            throw Refusal.of(
                    source.path(), "trains biases or whole modules too, which servers refuse; merge it into the base");
        }
        return lora;
    }

    private static PeftLora plain(PeftLora lora, int rank) {
        return new PeftLora(
                lora.modules(),
                rank,
                rank,
                lora.dropout(),
                PeftPatterns.none(),
                PeftPatterns.none(),
                PeftLora.Bias.NONE,
                false,
                false,
                lora.fanInFanOut(),
                PeftLora.Init.KAIMING,
                lora.baseModel());
    }

    private static List<NamedTensor> plain(PeftFolder source, PeftLora lora, int rank) {
        List<NamedTensor> tensors = new ArrayList<>();
        for (String module : source.modules()) {
            int in = Math.toIntExact(source.shapeA(module)[1]);
            int out = Math.toIntExact(source.shapeB(module)[0]);
            float[] a = Arrays.copyOf(source.a(module), Math.multiplyExact(rank, in));
            tensors.add(new NamedTensor(PeftKey.loraA(module), new long[] {rank, in}, a));
            float[] b = scaled(source.b(module), out, lora.rank(module), rank, (float) lora.scale(module));
            tensors.add(new NamedTensor(PeftKey.loraB(module), new long[] {out, rank}, b));
        }
        return tensors;
    }

    /** B [out, r] times a scale, as [out, R] with zeros behind. */
    private static float[] scaled(float[] b, int out, int from, int to, float scale) {
        float[] wide = new float[Math.multiplyExact(out, to)];
        for (int row = 0; row < out; row++) {
            for (int c = 0; c < from; c++) {
                wide[row * to + c] = b[row * from + c] * scale;
            }
        }
        return wide;
    }

    private static void copyOthers(Path adapter, Path draft) throws IOException {
        try (Stream<Path> files = Files.list(adapter)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                if (!OURS.contains(file.getFileName().toString())) {
                    Files.copy(file, draft.resolve(file.getFileName()));
                }
            }
        }
    }

    private static void requireEqual(Path draft, List<NamedTensor> tensors) {
        try (PeftFolder written = PeftFolder.open(draft)) {
            for (NamedTensor tensor : tensors) {
                if (!Arrays.equals(written.floats(tensor.key()), tensor.values())) {
                    throw new UncheckedIOException(
                            new IOException("%s reads back with other values; is the disk sound?".formatted(draft)));
                }
            }
        }
    }
}
