package dev.lowrank.engine.adapter;

import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftLora;
import java.util.ArrayList;
import java.util.List;

/** What inference servers make of an adapter: how to load it, what they refuse, and what they would silently ignore. */
final class ServerReport {
    /** The ranks vLLM can be told to make room for. */
    private static final int[] VLLM_RANKS = {1, 8, 16, 32, 64, 128, 256, 320, 512};

    private ServerReport() {}

    static List<String> of(PeftFolder adapter) {
        PeftConfig config = adapter.config();
        if (config instanceof PeftLora lora) {
            return lora(lora, adapter);
        }
        return List.of("vLLM and llama.cpp load LoRA only, not %s; serve it with PEFT.".formatted(config.kind()));
    }

    private static List<String> lora(PeftLora lora, PeftFolder adapter) {
        List<String> report = new ArrayList<>();
        List<String> refused = refused(lora);
        if (refused.isEmpty()) {
            report.add(vllmRank(
                    adapter.modules().stream().mapToInt(lora::rank).max().orElse(lora.rank())));
            report.add("vLLM: no module it would refuse (no modules_to_save, no bias, no DoRA).");
        } else {
            report.add("vLLM: refuses %s; merge the adapter into the base instead."
                    .formatted(String.join(" and ", refused)));
        }
        if (!lora.uniform()) {
            report.add("vLLM: ignores rank and alpha patterns and would serve wrong numbers; merge instead.");
        }
        return report;
    }

    private static List<String> refused(PeftLora lora) {
        List<String> refused = new ArrayList<>();
        if (!lora.modules().save().isEmpty()) {
            refused.add("modules_to_save");
        }
        if (lora.bias() != PeftLora.Bias.NONE) {
            refused.add("trained biases");
        }
        if (lora.dora()) {
            refused.add("DoRA");
        }
        return refused;
    }

    private static String vllmRank(int rank) {
        for (int room : VLLM_RANKS) {
            if (room >= rank) {
                return "vLLM: loads with --enable-lora --max-lora-rank %d.".formatted(room);
            }
        }
        return "vLLM: refuses rank %d; its largest is %d.".formatted(rank, VLLM_RANKS[VLLM_RANKS.length - 1]);
    }
}
