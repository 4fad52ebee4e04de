package dev.lowrank.engine.family;

import java.util.List;
import java.util.function.IntPredicate;

/** Which layers see only a window of keys: as {@code layer_types} says, or by the family's older rule. */
record LayerTypes(boolean[] sliding) {
    private static final String SLIDING = "sliding_attention";
    private static final String FULL = "full_attention";

    static LayerTypes read(ConfigReader in, int layers, IntPredicate olderRule) {
        boolean[] sliding = new boolean[layers];
        if (in.has("layer_types")) {
            List<String> types = in.words("layer_types", layers);
            for (int i = 0; i < layers; i++) {
                if (!types.get(i).equals(SLIDING) && !types.get(i).equals(FULL)) {
                    throw in.wrong("layer_types", "only \"%s\" and \"%s\" are supported".formatted(SLIDING, FULL));
                }
                sliding[i] = types.get(i).equals(SLIDING);
            }
        } else {
            for (int i = 0; i < layers; i++) {
                sliding[i] = olderRule.test(i);
            }
        }
        return new LayerTypes(sliding);
    }

    boolean any() {
        for (boolean slides : sliding) {
            if (slides) {
                return true;
            }
        }
        return false;
    }

    boolean isSliding(int layer) {
        return sliding[layer];
    }
}
