package dev.lowrank.platform.console;

import dev.lowrank.db.job.JobHistory.SavedCheckpoint;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A checkpoint as the page shows it. */
record CheckpointView(SavedCheckpoint checkpoint) {
    private static final JsonMapper JSON = new JsonMapper();

    public String step() {
        return Words.count(checkpoint.step());
    }

    public String loss() {
        JsonNode loss = JSON.readTree(checkpoint.metrics()).path("train_loss");
        return Words.loss(loss.isNumber() ? loss.asDouble() : null);
    }

    public String size() {
        return Words.bytes(checkpoint.bytes());
    }

    public String saved() {
        return Words.moment(checkpoint.createdAt());
    }
}
