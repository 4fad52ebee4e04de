package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.TrainingSpec;

/** What a spec can say and this engine does not do, refused so that nobody believes it happened. */
final class Abilities {
    private Abilities() {}

    static void require(TrainingSpec spec) {
        AdapterSpec adapter = spec.adapter();
        if (adapter instanceof LoraSpec lora) {
            requireAdapter(lora);
        }
    }

    private static void requireAdapter(LoraSpec lora) {
        require(!lora.init().movesBase(), "adapter.init", notDone(lora.init().key()));
    }

    private static String notDone(String value) {
        return "is %s, which this engine does not do; leave it out.".formatted(value);
    }

    private static void require(boolean holds, String field, String problem) {
        if (!holds) {
            throw new SpecException(field, problem);
        }
    }
}
