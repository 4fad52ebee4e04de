package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.format.GgufFile;
import dev.lowrank.engine.format.GgufTensor;
import dev.lowrank.engine.format.GgufType;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.GgufWriter;
import dev.lowrank.engine.format.Refusal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A GGUF file that gets its name only after it was read back and found equal to what it was made from. */
final class GgufDraft {
    private final Path output;
    private final Path folder;
    private final Path draft;
    private final Map<String, GgufValue> keys;
    private final List<PlannedTensor> tensors;

    private GgufDraft(Path output, Map<String, GgufValue> keys, List<PlannedTensor> tensors) {
        this.output = output;
        this.folder = Objects.requireNonNull(output.getParent(), "an absolute file has a folder");
        this.draft = output.resolveSibling(output.getFileName() + ".draft");
        this.keys = keys;
        this.tensors = tensors;
    }

    /** @throws InputException if there is something of that name already */
    static void checkFree(Path output) {
        if (Files.exists(output)) {
            throw Refusal.of(output, "is there already; name another file or remove it");
        }
    }

    /**
     * Writes, checks and names a file.
     *
     * @return its size in bytes
     * @throws InputException if a value of the source cannot be stored
     * @throws UncheckedIOException if the disk fails, is full, or gives back other bytes
     */
    static long publish(Path output, Map<String, GgufValue> keys, List<PlannedTensor> tensors) {
        return new GgufDraft(output.toAbsolutePath(), keys, tensors).publish();
    }

    private long publish() {
        try {
            Files.createDirectories(folder);
            write();
            check();
            checkFree(output);
            Files.move(draft, output, StandardCopyOption.ATOMIC_MOVE);
            Durable.syncFolder(folder);
            return Files.size(output);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write " + output, e);
        } finally {
            deleteQuietly();
        }
    }

    private void write() {
        GgufWriter writer = new GgufWriter();
        keys.forEach(writer::put);
        tensors.forEach(tensor -> writer.add(tensor.name(), tensor.type(), tensor.shape(), tensor.rows()));
        writer.write(draft);
    }

    private void check() throws IOException {
        try (GgufFile file = GgufFile.open(draft)) {
            require(
                    List.copyOf(file.metadata().entrySet()).equals(List.copyOf(keys.entrySet())),
                    "its keys read back otherwise");
            require(file.tensors().size() == tensors.size(), "it reads back with another number of tensors");
            Iterator<GgufTensor> stored = file.tensors().values().iterator();
            for (PlannedTensor planned : tensors) {
                check(file, stored.next(), planned);
            }
        }
    }

    private void check(GgufFile file, GgufTensor stored, PlannedTensor planned) throws IOException {
        boolean same = stored.name().equals(planned.name())
                && stored.type() == planned.type()
                && stored.shape().equals(Arrays.stream(planned.shape()).boxed().toList());
        require(same, "tensor %s reads back with another name, type or shape".formatted(planned.name()));
        float[] source = new float[(int) stored.columns()];
        float[] back = new float[source.length];
        for (long row = 0; row < stored.rows(); row++) {
            planned.rows().read(row, source);
            file.readRow(stored, row, back);
            require(
                    isRoundingOf(planned.type(), source, back),
                    "row %d of tensor %s reads back otherwise".formatted(row, planned.name()));
        }
    }

    /** Whether each value is as near to its source as rounding to nearest in that type guarantees. */
    private static boolean isRoundingOf(GgufType type, float[] source, float[] back) {
        boolean near = true;
        float largest = 0;
        for (int i = 0; i < source.length; i++) {
            if (type == GgufType.Q8_0 && i % type.block() == 0) {
                largest = largestOf(source, i, i + type.block());
            }
            double allowed = switch (type) {
                case F32 -> 0;
                case BF16 -> Math.abs(source[i]) * 0x1p-8 + 0x1p-134;
                case F16 -> Math.abs(source[i]) * 0x1p-11 + 0x1p-25;
                // Half a step of largest / 127, and the step itself is rounded to F16.
                case Q8_0 -> largest * (0.5001 / 127 + 0x1p-11) + 127 * 0x1p-25;
            };
            near &= Math.abs((double) source[i] - back[i]) <= allowed;
        }
        return near;
    }

    private static float largestOf(float[] values, int from, int to) {
        float largest = 0;
        for (int i = from; i < to; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return largest;
    }

    private void require(boolean holds, String otherwise) throws IOException {
        if (!holds) {
            throw new IOException("after writing, %s; check the disk and export again".formatted(otherwise));
        }
    }

    private void deleteQuietly() {
        try {
            Files.deleteIfExists(draft);
        } catch (IOException e) {
            // A draft that stays behind harms nobody: the next export of that name writes over it.
        }
    }
}
