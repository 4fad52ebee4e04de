package dev.lowrank.node;

import dev.lowrank.engine.adapter.Verdict;
import dev.lowrank.engine.train.HeldOut;
import dev.lowrank.engine.train.StepMetrics;
import dev.lowrank.engine.train.Validation;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The engine's figures under the names that clients of the API know. */
final class EngineJson {
    private EngineJson() {}

    /** The data of a metrics event. */
    static String step(StepMetrics step) {
        ObjectNode json = figures(step);
        json.put("total_steps", step.totalSteps());
        put(json, "learning_rate", step.learningRate());
        put(json, "grad_norm", step.gradNorm());
        put(json, "tokens_per_second", step.tokensPerSecond());
        return json.toString();
    }

    /** The metrics of a checkpoint: what its last step measured, if this process took it. */
    static String checkpoint(int number, @Nullable StepMetrics step, @Nullable Validation validation) {
        ObjectNode json = step != null && step.step() == number
                ? figures(step)
                : JsonNodeFactory.instance.objectNode().put("step", number);
        if (validation != null && validation.step() == number) {
            putValidation(json, validation);
        }
        return json.toString();
    }

    /** The data of an evaluation's metrics event. */
    static String validation(Validation validation) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("step", validation.step());
        json.put("total_steps", validation.totalSteps());
        putValidation(json, validation);
        return json.toString();
    }

    private static void putValidation(ObjectNode json, Validation validation) {
        put(json, "valid_loss", validation.loss());
        put(json, "valid_mean_token_accuracy", validation.tokenAccuracy());
    }

    /** The metrics of a version. */
    static String version(int steps, int resultStep, @Nullable Double trainLoss, @Nullable HeldOut heldOut) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("steps", steps);
        if (resultStep != steps) {
            json.put("result_step", resultStep);
        }
        if (trainLoss != null) {
            put(json, "train_loss", trainLoss);
        }
        if (heldOut != null) {
            ObjectNode held = json.putObject("held_out");
            put(held, "base_loss", heldOut.baseLoss());
            put(held, "tuned_loss", heldOut.tunedLoss());
            put(held, "base_token_accuracy", heldOut.baseTokenAccuracy());
            put(held, "tuned_token_accuracy", heldOut.tunedTokenAccuracy());
            held.put("tokens", heldOut.tokens());
        }
        return json.toString();
    }

    static String verdict(Verdict verdict) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("passed", verdict.passed());
        ArrayNode checks = json.putArray("checks");
        for (Verdict.Check check : verdict.checks()) {
            checks.addObject()
                    .put("name", check.name())
                    .put("passed", check.passed())
                    .put("detail", check.detail());
        }
        ArrayNode report = json.putArray("load_report");
        verdict.loadReport().forEach(report::add);
        return json.toString();
    }

    private static ObjectNode figures(StepMetrics step) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("step", step.step());
        put(json, "train_loss", step.loss());
        put(json, "train_mean_token_accuracy", step.tokenAccuracy());
        return json;
    }

    /** JSON has no word for what is not a number. */
    private static void put(ObjectNode json, String name, double value) {
        if (Double.isFinite(value)) {
            json.put(name, value);
        } else {
            json.putNull(name);
        }
    }
}
