package dev.lowrank.platform.jobs;

import dev.lowrank.engine.spec.Resolution;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.platform.web.ApiException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.springframework.stereotype.Component;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Turns a create request into the training spec: what stands in {@code lowrank} counts first, then OpenAI's numbers, then
 * what this server chooses for "auto"; what is left is filled in by the spec itself.
 */
@Component
class SpecResolver {
    private static final double RATE = 2e-4;
    private static final int EPOCHS = 3;
    private static final int MICRO_BATCH = 8;
    private static final Set<String> SECTIONS = Set.of("method", "format", "adapter", "training");

    /**
     * The result.
     *
     * @param method the client's method with its numbers
     * @param resolutions what was chosen for the client, with reasons
     */
    record Resolved(TrainingSpec spec, ObjectNode method, List<Resolution> resolutions) {}

    /** @param examples rows of the training file */
    Resolved resolve(JobRequest request, int examples, int randomSeed) {
        ObjectNode root = sections(request);
        List<Resolution> chosen = new ArrayList<>();
        ObjectNode training = JobRequest.section(root, "training");
        root.set("training", training);
        chooseEpochs(request.hyperparameters(), training, chosen);
        chooseBatch(request.hyperparameters(), training, examples, chosen);
        chooseRate(request.hyperparameters(), training, chosen);
        chooseRest(request, training, randomSeed, chosen);
        SpecJson.Read read;
        try {
            read = SpecJson.read(root);
        } catch (SpecException e) {
            throw ApiException.badRequest(String.valueOf(e.getMessage()), "lowrank." + e.field(), "invalid_setting");
        }
        chosen.addAll(read.resolutions());
        return new Resolved(read.spec(), method(read.spec().training()), chosen);
    }

    private static ObjectNode sections(JobRequest request) {
        for (String field : request.lowrank().propertyNames()) {
            if (!SECTIONS.contains(field)) {
                throw ApiException.badRequest(
                        "\"lowrank.%s\" is not a known setting; known here are: adapter, format, method, training."
                                .formatted(field),
                        "lowrank." + field,
                        "unknown_parameter");
            }
        }
        ObjectNode root = request.lowrank().deepCopy();
        root.put("base_model", request.model());
        root.put("training_file", request.trainingFile());
        if (request.validationFile() != null) {
            root.put("validation_file", request.validationFile());
        }
        return root;
    }

    private static void chooseEpochs(Hyperparameters asked, ObjectNode training, List<Resolution> chosen) {
        if (training.hasNonNull("epochs")) {
            return;
        }
        Integer epochs = asked.epochs();
        training.put("epochs", epochs == null ? EPOCHS : epochs);
        if (epochs == null) {
            chosen.add(new Resolution(
                    "training.epochs", String.valueOf(EPOCHS), "enough for most datasets; \"auto\" was asked"));
        }
    }

    /** A batch is split into micro-batches of at most eight rows that divide it evenly. */
    private static void chooseBatch(Hyperparameters asked, ObjectNode training, int examples, List<Resolution> chosen) {
        if (training.hasNonNull("micro_batch_size") || training.hasNonNull("gradient_accumulation")) {
            return;
        }
        Integer wanted = asked.batchSize();
        int batch = wanted != null ? wanted : Math.clamp(examples / 100, 1, MICRO_BATCH);
        int micro = Math.min(batch, MICRO_BATCH);
        while (batch % micro != 0) {
            micro--;
        }
        training.put("micro_batch_size", micro).put("gradient_accumulation", batch / micro);
        if (wanted == null) {
            chosen.add(new Resolution(
                    "training.micro_batch_size",
                    String.valueOf(micro),
                    "about a hundredth of the rows, between 1 and 8"));
        }
    }

    private static void chooseRate(Hyperparameters asked, ObjectNode training, List<Resolution> chosen) {
        if (training.hasNonNull("learning_rate")) {
            return;
        }
        Double multiplier = asked.rateMultiplier();
        training.put("learning_rate", RATE * (multiplier == null ? 1 : multiplier));
        if (multiplier == null) {
            chosen.add(new Resolution(
                    "training.learning_rate",
                    String.valueOf(RATE),
                    "the usual peak for adapters; a multiplier scales it"));
        }
    }

    private static void chooseRest(JobRequest request, ObjectNode training, int randomSeed, List<Resolution> chosen) {
        if (!training.hasNonNull("shuffle")) {
            training.put("shuffle", true);
            chosen.add(new Resolution(
                    "training.shuffle", "true", "rows that belong together in a file should not meet in a batch"));
        }
        if (!training.hasNonNull("seed")) {
            Integer seed = request.seed();
            training.put("seed", seed == null ? randomSeed : seed);
            if (seed == null) {
                chosen.add(new Resolution(
                        "training.seed",
                        String.valueOf(randomSeed),
                        "drawn for this job; give it again to repeat the run"));
            }
        }
    }

    private static ObjectNode method(TrainingSettings training) {
        ObjectNode method = JsonNodeFactory.instance.objectNode();
        method.put("type", "supervised");
        ObjectNode numbers = method.putObject("supervised").putObject("hyperparameters");
        numbers.put("batch_size", training.microBatchSize() * training.gradientAccumulation());
        numbers.put("learning_rate_multiplier", Math.round(training.learningRate() / RATE * 1e9) / 1e9);
        numbers.put("n_epochs", training.epochs());
        return method;
    }
}
