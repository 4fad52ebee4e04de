package dev.lowrank.engine.train;

import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** An estimate for programs. */
public final class EstimateJson {
    private EstimateJson() {}

    /** One object, all amounts in bytes. */
    public static ObjectNode of(Estimate estimate) {
        MemoryPlan plan = estimate.plan();
        ObjectNode line = JsonNodeFactory.instance
                .objectNode()
                .put("bytes", plan.bytes())
                .put("available", plan.room().known() ? (Long) plan.room().available() : null)
                .put("fits", plan.fits())
                .put("checkpointing", plan.checkpointing())
                .put("parameters", plan.base().parameters());
        ObjectNode parts = line.putObject("parts");
        parts.put("base", plan.base().bytes())
                .put("positions_and_loading", plan.loaded() - plan.base().bytes())
                .put("for_a_while", plan.passing())
                .put("adapter", plan.trained())
                .put("optimizer", plan.paged() ? 0 : plan.optimizer())
                .put("activations", plan.scratch())
                .put("operations", plan.device())
                .put("process", plan.room().process());
        line.putObject("activations").put("kept", plan.kept()).put("checkpointed", plan.checkpointed());
        ArrayNode remedies = line.putArray("remedies");
        for (Remedy remedy : estimate.remedies()) {
            remedies.addObject()
                    .put("settings", remedy.settings())
                    .put("bytes", remedy.bytes())
                    .put("fits", remedy.fits());
        }
        return line;
    }
}
