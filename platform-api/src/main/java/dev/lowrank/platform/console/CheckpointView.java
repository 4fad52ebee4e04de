package dev.lowrank.platform.console;

import dev.lowrank.db.job.JobHistory.SavedCheckpoint;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A checkpoint as the page shows it. */
record CheckpointView(SavedCheckpoint checkpoint) {
    private static final JsonMapper JSON = new JsonMapper();

    String step() {
        return Words.count(checkpoint.step());
    }

    String loss() {
        JsonNode loss = JSON.readTree(checkpoint.metrics()).path("train_loss");
        return Words.loss(loss.isNumber() ? loss.asDouble() : null);
    }

    String size() {
        return Words.bytes(checkpoint.bytes());
    }

    String saved() {
        return Words.moment(checkpoint.createdAt());
    }
}
