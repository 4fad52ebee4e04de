package dev.lowrank.engine.train;

import dev.lowrank.engine.model.Slot;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.FourBit;
import dev.lowrank.engine.tape.Frozen;
import dev.lowrank.engine.tape.Matrix;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Nf4;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Locale;
import java.util.Set;

/**
 * What the weights of a base really take, as they are held.
 *
 * @param parameters values of the base, tied ones once
 * @param bytes all of them, with the gradients of those that are trained in place
 * @param quantizedParameters those held in 4 bits
 * @param quantizedBytes their codes and scales
 */
public record BaseMemory(long parameters, long bytes, long quantizedParameters, long quantizedBytes) {
    static BaseMemory of(Transformer model) {
        Set<Matrix> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        BaseMemory sum = new BaseMemory(0, 0, 0, 0);
        for (Slot slot : model.slots().values()) {
            if (seen.add(slot.base())) {
                sum = sum.plus(of(slot.base()));
            }
        }
        return sum;
    }

    private static BaseMemory of(Matrix matrix) {
        return switch (matrix) {
            case FourBit quantized -> {
                Nf4 data = quantized.data();
                long map = data.nested() == null ? 0 : (long) Nf4.MAP_SIZE * Float.BYTES;
                yield new BaseMemory(data.size(), data.bytes() + map, data.size(), data.bytes());
            }
            case Frozen frozen ->
                new BaseMemory(
                        (long) frozen.rows() * frozen.columns(), frozen.data().bytes(), 0, 0);
            case Parameter dense -> {
                long size = dense.value().size();
                long bytes = size * dense.value().dtype().bytes();
                yield new BaseMemory(size, dense.trainable() ? 2 * bytes : bytes, 0, 0);
            }
        };
    }

    private BaseMemory plus(BaseMemory other) {
        return new BaseMemory(
                parameters + other.parameters,
                bytes + other.bytes,
                quantizedParameters + other.quantizedParameters,
                quantizedBytes + other.quantizedBytes);
    }

    /** What a value of a quantized linear layer takes, its share of the scales included; 32 where none is quantized. */
    public double bitsPerParameter() {
        return quantizedParameters == 0 ? 32 : 8.0 * quantizedBytes / quantizedParameters;
    }

    /** One sentence. */
    @Override
    public String toString() {
        String held =
                String.format(Locale.ROOT, "The base's %,d values take %s", parameters, MemoryPlan.readable(bytes));
        return quantizedParameters == 0
                ? held + "."
                : held
                        + String.format(
                                Locale.ROOT,
                                ", the %,d in 4-bit linear layers %.3f bits each.",
                                quantizedParameters,
                                bitsPerParameter());
    }
}
