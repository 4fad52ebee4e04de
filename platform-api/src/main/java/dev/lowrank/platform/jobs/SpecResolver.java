package dev.lowrank.platform.jobs;

import dev.lowrank.db.file.StoredFile;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.spec.Resolution;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.platform.web.ApiException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Turns a create request into the training spec: what stands in {@code lowrank} counts first, then OpenAI's numbers, then
 * what this server chooses for "auto"; what is left is filled in by the spec itself.
 */
final class SpecResolver {
    private static final int EPOCHS = 3;
    private static final String TRAINING = "training";
    private static final String FORMAT = "format";
    // Parts of a spec that are the request's own fields, or the server's business.
    private static final Map<String, String> ELSEWHERE = Map.of(
            "base_model", "name the base in the request's \"model\".",
            "training_file", "name the file in the request's \"training_file\".",
            "validation_file", "name the file in the request's \"validation_file\".",
            "output", "the result goes to the adapter registry.",
            "initial_adapter", "starting from an adapter is not supported here yet.");

    private final JobRequest request;
    private final StoredFile trainingFile;
    private final IntSupplier randomSeed;
    private final List<Resolution> chosen = new ArrayList<>();

    /**
     * The result.
     *
     * @param method the client's method with its numbers
     * @param resolutions what was chosen for the client, with reasons
     */
    record Resolved(TrainingSpec spec, ObjectNode method, List<Resolution> resolutions) {}

    SpecResolver(JobRequest request, StoredFile trainingFile, IntSupplier randomSeed) {
        this.request = request;
        this.trainingFile = trainingFile;
        this.randomSeed = randomSeed;
    }

    Resolved resolve() {
        ObjectNode root = sections();
        // A wrong value is refused before anything is derived from it.
        Method fineTuning = read(root).spec().method();
        chooseFormat(root);
        ObjectNode training = root.get(TRAINING) instanceof ObjectNode given ? given : root.putObject(TRAINING);
        chooseEpochs(training);
        chooseBatch(training);
        chooseRate(training, fineTuning);
        chooseRest(training);
        SpecJson.Read read = read(root);
        chosen.addAll(read.resolutions());
        return new Resolved(read.spec(), method(read.spec()), chosen);
    }

    private static SpecJson.Read read(ObjectNode root) {
        try {
            return SpecJson.read(root);
        } catch (SpecException e) {
            String field = "lowrank." + e.field();
            throw ApiException.badRequest(
                    String.valueOf(e.getMessage()).replaceFirst("\"", "\"lowrank."), field, "invalid_setting");
        }
    }

    private ObjectNode sections() {
        for (String field : request.lowrank().propertyNames()) {
            if (ELSEWHERE.containsKey(field)) {
                throw ApiException.badRequest(
                        "\"lowrank.%s\" is not set here; %s".formatted(field, ELSEWHERE.get(field)),
                        "lowrank." + field,
                        "invalid_setting");
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

    private void chooseFormat(ObjectNode root) {
        String found = trainingFile.format();
        if (found == null) {
            return;
        }
        String asked = root.path(FORMAT).asString(DataFormat.AUTO.key());
        if (asked.equals(DataFormat.AUTO.key())) {
            root.put(FORMAT, found);
            choose(FORMAT, found, "found when the file was uploaded");
        } else if (!asked.equals(found)) {
            throw ApiException.badRequest(
                    "\"lowrank.format\" is \"%s\", but the rows of %s are \"%s\"; leave it out."
                            .formatted(asked, trainingFile.id(), found),
                    "lowrank.format",
                    "invalid_setting");
        }
    }

    private void chooseEpochs(ObjectNode training) {
        Integer asked = request.hyperparameters().epochs();
        if (training.hasNonNull("epochs")) {
            sayOverruled("n_epochs", asked, training.get("epochs"));
            return;
        }
        training.put("epochs", asked == null ? EPOCHS : asked);
        if (asked == null) {
            choose("training.epochs", EPOCHS, "three passes are enough for most datasets");
        }
    }

    private void chooseBatch(ObjectNode training) {
        int examples = trainingFile.examples() == null ? 1 : trainingFile.examples();
        BatchSplit split = BatchSplit.of(
                request.hyperparameters().batchSize(),
                positive(training, "micro_batch_size"),
                positive(training, "gradient_accumulation"),
                examples);
        if (!training.hasNonNull("micro_batch_size")) {
            training.put("micro_batch_size", split.micro());
            choose("training.micro_batch_size", split.micro(), split.reason());
        }
        if (!training.hasNonNull("gradient_accumulation")) {
            training.put("gradient_accumulation", split.accumulation());
            choose("training.gradient_accumulation", split.accumulation(), split.reason());
        }
    }

    private static @Nullable Integer positive(ObjectNode training, String field) {
        return training.hasNonNull(field) ? (Integer) training.get(field).intValue() : null;
    }

    private void chooseRate(ObjectNode training, Method fineTuning) {
        Double asked = request.hyperparameters().rateMultiplier();
        if (training.hasNonNull("learning_rate")) {
            sayOverruled("learning_rate_multiplier", asked, training.get("learning_rate"));
            return;
        }
        double usual = fineTuning.learningRate();
        double rate = usual * (asked == null ? 1 : asked);
        training.put("learning_rate", rate);
        choose(
                "training.learning_rate",
                rate,
                asked == null
                        ? fineTuning.learningRateReason()
                        : "learning_rate_multiplier %s times the usual peak of %s".formatted(asked, usual));
    }

    private void chooseRest(ObjectNode training) {
        if (!training.hasNonNull("shuffle")) {
            training.put("shuffle", true);
            choose(
                    TRAINING + ".shuffle",
                    true,
                    "uploaded rows are often sorted, and neighbours of one kind would make a batch; false keeps the file's order");
        }
        if (!training.hasNonNull("seed")) {
            Integer asked = request.seed();
            int seed = asked == null ? randomSeed.getAsInt() : asked;
            training.put("seed", seed);
            if (asked == null) {
                choose("training.seed", seed, "drawn for this job; give it again to repeat the run");
            }
        }
    }

    private void sayOverruled(String number, @Nullable Number asked, JsonNode counts) {
        if (asked != null) {
            choose(number, counts, "the setting in lowrank.training counts before %s %s".formatted(number, asked));
        }
    }

    private void choose(String field, Object value, String reason) {
        chosen.add(new Resolution(field, String.valueOf(value), reason));
    }

    private static ObjectNode method(TrainingSpec spec) {
        TrainingSettings training = spec.training();
        double multiplier = training.learningRate() / spec.method().learningRate();
        ObjectNode method = JsonNodeFactory.instance.objectNode();
        method.put("type", "supervised");
        ObjectNode numbers = method.putObject("supervised").putObject("hyperparameters");
        numbers.put("batch_size", training.microBatchSize() * training.gradientAccumulation());
        numbers.put("learning_rate_multiplier", Math.round(multiplier * 1e9) / 1e9);
        numbers.put("n_epochs", training.epochs());
        return method;
    }
}
