package dev.lowrank.engine.adapter;

import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Nf4Weight;
import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.format.PeftPromptTuning;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Whether each tensor of an adapter has the shape that the base asks for, without loading either. */
final class AdapterFit {
    private final PeftFolder adapter;
    private final ModelFolder base;
    private final Architecture architecture;

    AdapterFit(PeftFolder adapter, ModelFolder base) {
        this.adapter = adapter;
        this.base = base;
        this.architecture = Architecture.read(base.config(), base.path().resolve("config.json"));
    }

    boolean fits(PeftKey key) {
        long[] shape = adapter.shape(key);
        return switch (key.role()) {
            case LORA_A -> linear(key.path()) instanceof long[] w && shape[1] == w[1];
            case LORA_B, MAGNITUDE -> linear(key.path()) instanceof long[] w && shape[0] == w[0];
            case IA3 ->
                linear(key.path()) instanceof long[] w
                        && (shape[0] == 1 ? shape[1] == w[1] || w[0] == 1 : shape[0] == w[0]);
            case ADAPTED_BIAS, BIAS -> Arrays.equals(shape, shape(key.path() + ".bias"));
            case SAVED -> Arrays.equals(shape, saved(key.path()));
            case PROMPT -> shape[1] == promptWidth();
            case DOWN_WEIGHT -> shape[1] == architecture.width() && fitsBottleneck();
            case UP_WEIGHT, UP_BIAS -> shape[0] == architecture.width();
            case DOWN_BIAS -> true;
        };
    }

    private long promptWidth() {
        return switch (adapter.config()) {
            case PeftPrefixTuning prefix -> 2L * architecture.layers().size() * architecture.keyWidth();
            case PeftPromptTuning prompt -> architecture.width();
            default -> -1;
        };
    }

    private boolean fitsBottleneck() {
        return adapter.config() instanceof PeftBottleneck bottleneck
                && bottleneck.layers() == architecture.layers().size();
    }

    /** [out, in] of a linear layer, however it is stored; null if the base has none of that name. */
    private long @Nullable [] linear(String module) {
        long[] stored = shape(module + ".weight");
        if (stored == null || stored.length != 2) {
            return null;
        }
        return architecture.names().transposed() ? new long[] {stored[1], stored[0]} : stored;
    }

    /** A trained head of a base whose head is its embedding has the embedding's shape. */
    private long @Nullable [] saved(String name) {
        boolean tied =
                architecture.tiedHead() && name.equals(architecture.names().head() + ".weight");
        return shape(tied ? architecture.names().embedding() + ".weight" : name);
    }

    private long @Nullable [] shape(String name) {
        String stored = base.tensorNames().contains(name) ? name : name.substring(name.indexOf('.') + 1);
        if (!base.tensorNames().contains(stored)) {
            return null;
        }
        if (base.isNf4(stored)) {
            Nf4Weight weight = base.nf4(stored);
            return new long[] {weight.rows(), weight.columns()};
        }
        return base.info(stored).shape();
    }
}
