package dev.lowrank.engine.model;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.format.Nf4Weight;
import dev.lowrank.engine.tape.FourBit;
import dev.lowrank.engine.tape.Frozen;
import dev.lowrank.engine.tape.Matrix;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiFunction;

/** Takes tensors from a model by name, checking each shape before anything is copied. */
final class WeightLoader {
    /** Values that are copied at once. */
    private static final int PART = 1 << 20;

    private final Architecture architecture;
    private final ModelSource source;
    private final Precision precision;
    private final Kernels kernels;
    private final Workspace memory;
    private final String prefix;
    private final Set<String> unused;
    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private float[] part = new float[0];

    WeightLoader(
            Architecture architecture, ModelSource source, Precision precision, Kernels kernels, Workspace memory) {
        this.architecture = architecture;
        this.source = source;
        this.precision = precision;
        this.kernels = kernels;
        this.memory = memory;
        this.unused = new TreeSet<>(source.tensorNames());
        this.prefix = unused.contains(architecture.names().embedding() + ".weight") ? "" : missingPrefix();
    }

    /** Some files leave out the name of the part that holds all layers (GPT-2's early ones). */
    private String missingPrefix() {
        String whole = architecture.names().embedding();
        String first = whole.substring(0, whole.indexOf('.') + 1);
        return unused.contains(whole.substring(first.length()) + ".weight") ? first : "";
    }

    /** Every weight by its name in the model's own class. */
    Map<String, Slot> slots() {
        return slots;
    }

    /** The table of a module. */
    Slot table(String path, long rows, long columns) {
        return matrix(path + ".weight", rows, columns);
    }

    /** A table that hidden states are multiplied with, and that may be looked up in. */
    Slot head(String path, long rows, long columns) {
        return product(path + ".weight", rows, columns, kernels::packTable);
    }

    /** What activations inside of blocks are kept in. */
    DType compute() {
        return precision.compute();
    }

    Norm norm(String path, long width) {
        Slot weight = dense(path + ".weight", width);
        Slot bias = architecture.norm().layer() ? dense(path + ".bias", width) : null;
        return new Norm(architecture.norm(), weight, bias, precision.compute());
    }

    Linear linear(String path, int layer, long out, long in, boolean bias) {
        boolean transposed = architecture.names().transposed();
        String name = path + ".weight";
        Slot biases = bias ? dense(path + ".bias", out) : null;
        if (source.isNf4(stored(name))) {
            return new Linear(path, layer, packed(name, out, in), biases, false);
        }
        if (precision.quantized()) {
            return new Linear(path, layer, quantized(name, transposed, out, in), biases, false);
        }
        Slot weight = transposed ? product(name, in, out, kernels::pack) : product(name, out, in, kernels::pack);
        return new Linear(path, layer, weight, biases, transposed);
    }

    /** A weight that bitsandbytes has quantized already, as it lies in the file. */
    private Slot packed(String name, long out, long in) {
        if (precision.trainable()) {
            throw new InputException(
                    "%s holds 4-bit weights, which cannot be trained whole; train an adapter, or take the 16-bit model."
                            .formatted(source.path()));
        }
        requireThere(name);
        Nf4Weight weight = source.nf4(stored(name));
        requireShape(name, new long[] {weight.rows(), weight.columns()}, out, in);
        return put(new FourBit(name, weight.upload(kernels, memory)));
    }

    /** Reads fp32 or 16-bit and keeps 4 bits, as [out, in] however it was stored. */
    private Slot quantized(String name, boolean transposed, long out, long in) {
        requireStored(name, transposed ? new long[] {in, out} : new long[] {out, in});
        Nf4 quantized = Nf4.allocate(memory, out, in, precision.doubleQuantized());
        long mark = memory.mark();
        Tensor dense = memory.take(out, in);
        if (transposed && kernels.computes()) {
            kernels.upload(turned(whole(name, in, out), (int) in, (int) out), 0, dense);
        } else {
            fill(name, dense);
        }
        kernels.quantizeNf4(dense, quantized);
        memory.release(mark);
        return put(new FourBit(name, quantized));
    }

    private float[] whole(String name, long rows, long columns) {
        float[] values = new float[Math.toIntExact(rows * columns)];
        source.readFloats(stored(name), 0, values.length, values);
        return values;
    }

    /** Copies a tensor some rows at a time: a large one would leave as much garbage behind. */
    private void fill(String name, Tensor target) {
        if (!kernels.computes()) {
            return;
        }
        int columns = target.columns();
        int most = Math.clamp(PART / columns, 1, target.rows());
        for (int row = 0; row < target.rows(); row += most) {
            int rows = Math.min(most, target.rows() - row);
            float[] values = part(rows * columns);
            source.readFloats(stored(name), (long) row * columns, rows * columns, values);
            kernels.upload(values, 0, target.slice(row, rows));
        }
    }

    private float[] part(int size) {
        if (part.length < size) {
            part = new float[size];
        }
        return part;
    }

    private static float[] turned(float[] values, int rows, int columns) {
        float[] turned = new float[values.length];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                turned[c * rows + r] = values[r * columns + c];
            }
        }
        return turned;
    }

    /** The output projection of a model in which it is the embedding table. */
    Slot tied(String path, Slot embedding) {
        unused.remove(path + ".weight");
        Slot slot = new Slot(embedding.base());
        slots.put(path + ".weight", slot);
        return slot;
    }

    /** A weight that is multiplied with or looked up in. */
    private Slot matrix(String name, long... shape) {
        return dense(name, precision.matrices(), shape);
    }

    /** A weight that is multiplied with and never read row by row, except by what knows its layout. */
    private Slot product(String name, long rows, long columns, BiFunction<Tensor, Workspace, Packed> packing) {
        if (precision.matrices() != DType.BF16) {
            return matrix(name, rows, columns);
        }
        requireStored(name, rows, columns);
        try (Workspace plain = kernels.workspace()) {
            Tensor value = plain.take(DType.BF16, rows, columns);
            fill(name, value);
            return put(new Frozen(name, packing.apply(value, memory)));
        }
    }

    private Slot dense(String name, long... shape) {
        return dense(name, DType.F32, shape);
    }

    private Slot dense(String name, DType type, long... shape) {
        requireStored(name, shape);
        Tensor value = memory.take(type, shape);
        fill(name, value);
        return put(new Parameter(name, value, precision.trainable() ? memory.take(shape) : null));
    }

    private void requireStored(String name, long... shape) {
        requireThere(name);
        requireShape(name, source.shape(stored(name)), shape);
    }

    private void requireThere(String name) {
        if (!unused.remove(stored(name))) {
            throw new InputException(
                    "%s has no tensor \"%s\", which its config.json promises; the download may be incomplete."
                            .formatted(source.path(), name));
        }
    }

    private Slot put(Matrix matrix) {
        Slot slot = new Slot(matrix);
        slots.put(matrix.name(), slot);
        return slot;
    }

    private void requireShape(String name, long[] found, long... wanted) {
        if (!Arrays.equals(found, wanted)) {
            throw new InputException("Tensor \"%s\" in %s has shape %s, but config.json asks for %s."
                    .formatted(name, source.path(), Arrays.toString(found), Arrays.toString(wanted)));
        }
    }

    private String stored(String name) {
        return name.startsWith(prefix) ? name.substring(prefix.length()) : name;
    }

    /** Old exports carry what is recomputed: rotary frequencies and GPT-2's causal masks. */
    void refuseUnused() {
        unused.removeIf(name -> name.endsWith(".rotary_emb.inv_freq") || name.matches(".*\\.attn\\.(masked_)?bias"));
        if (!unused.isEmpty()) {
            throw new InputException(
                    "%s holds %d tensors that a %s model has no place for, such as %s; its config.json may belong to another model."
                            .formatted(
                                    source.path(),
                                    unused.size(),
                                    architecture.family(),
                                    Quoted.of(unused.iterator().next())));
        }
    }
}
