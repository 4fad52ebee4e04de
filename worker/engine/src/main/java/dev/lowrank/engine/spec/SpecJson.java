package dev.lowrank.engine.spec;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Reads and writes {@link TrainingSpec} as JSON; what the user left out is filled in, and said. */
public final class SpecJson {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private SpecJson() {}

    /**
     * A spec and what was filled in.
     *
     * @param resolutions the values the user left out, in the order of the spec
     */
    public record Read(TrainingSpec spec, List<Resolution> resolutions) {}

    /**
     * Reads a spec from JSON text.
     *
     * @throws SpecException naming the first field that is wrong
     */
    public static Read parse(String json) {
        JsonNode root;
        try {
            root = MAPPER.readTree(json);
        } catch (JacksonException e) {
            throw new SpecException("spec", "is not valid JSON: " + e.getOriginalMessage() + ".");
        }
        return read(root);
    }

    /**
     * Reads a spec from a JSON tree.
     *
     * @throws SpecException naming the first field that is wrong
     */
    public static Read read(JsonNode root) {
        if (!root.isObject()) {
            throw new SpecException("spec", "must be a JSON object.");
        }
        List<Resolution> resolutions = new ArrayList<>();
        Section top = new Section("", (ObjectNode) root, resolutions);
        String base = top.requiredText("base_model");
        String train = top.requiredText("training_file");
        String validation = top.optionalText("validation_file");
        DataFormat format = top.choice("format", DataFormat.class, DataFormat.AUTO, "found from the first row");
        Method method = top.choice("method", Method.class, Method.LORA, "trains least and fits everywhere");
        String output = top.optionalText("output");
        String initial = top.optionalText("initial_adapter");
        AdapterSpec adapter = readAdapter(top.section("adapter"));
        TrainingSettings training = readTraining(top.section("training"));
        top.refuseUnknown();
        if (method == Method.FULL && initial != null) {
            throw new SpecException(
                    "initial_adapter", "cannot be combined with method \"full\": full fine-tuning has no adapter.");
        }
        return new Read(
                new TrainingSpec(base, train, validation, format, method, output, initial, adapter, training),
                List.copyOf(resolutions));
    }

    private static AdapterSpec readAdapter(Section in) {
        int rank = in.integer("rank", 16, "enough for most tasks, and vLLM's default limit");
        double alpha = in.number("alpha", 2.0 * rank, "twice the rank");
        double dropout = in.number("dropout", 0, "no dropout");
        List<String> targets =
                in.words("target_modules", AdapterSpec.ALL_LINEAR, "adapting every layer learns best per parameter");
        AdapterInit init = in.choice("init", AdapterInit.class, AdapterInit.KAIMING, "as PEFT does");
        in.refuseUnknown();
        return new AdapterSpec(rank, alpha, dropout, targets, init);
    }

    private static TrainingSettings readTraining(Section in) {
        int epochs = in.integer("epochs", 1, "one pass over the data");
        Integer maxSteps = in.optionalInteger("max_steps");
        int micro = in.integer("micro_batch_size", 4, "small enough for most machines");
        int accumulation = in.integer("gradient_accumulation", 1, "one micro-batch a step");
        double rate = in.number("learning_rate", 2e-4, "the usual peak for adapters");
        Schedule schedule = in.choice("schedule", Schedule.class, Schedule.LINEAR, "falls to zero by the end");
        int warmup = in.integer("warmup_steps", 0, "no warm-up");
        double decay = in.number("weight_decay", 0, "no decay");
        List<Double> betas = in.pair("betas", List.of(0.9, 0.999), "AdamW's own");
        double epsilon = in.number("epsilon", 1e-8, "AdamW's own");
        double clip = in.number("max_grad_norm", 1, "keeps rare large gradients from doing harm");
        int length = in.integer("max_length", 1024, "longer rows are cut off there");
        boolean shuffle = in.bool("shuffle", false, "rows in the order of the file");
        int seed = in.integer("seed", 0, "fixed, so that a run can be repeated");
        TrainOn trainOn =
                in.choice("train_on", TrainOn.class, TrainOn.ASSISTANT, "the model learns to answer, not to ask");
        Integer every = in.optionalInteger("checkpoint_every_steps");
        String dtype = in.text("dtype", "float32", "what this version computes in");
        in.refuseUnknown();
        return new TrainingSettings(
                epochs,
                maxSteps,
                micro,
                accumulation,
                rate,
                schedule,
                warmup,
                decay,
                betas.get(0),
                betas.get(1),
                epsilon,
                clip,
                length,
                shuffle,
                seed,
                trainOn,
                every,
                dtype);
    }

    /** The spec as JSON, every value written out; {@link #read} gives an equal spec back. */
    public static ObjectNode write(TrainingSpec spec) {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.put("base_model", spec.baseModel());
        root.put("training_file", spec.trainingFile());
        putIfPresent(root, "validation_file", spec.validationFile());
        root.put("format", spec.format().key());
        root.put("method", spec.method().key());
        putIfPresent(root, "output", spec.output());
        putIfPresent(root, "initial_adapter", spec.initialAdapter());
        ObjectNode adapter = root.putObject("adapter");
        adapter.put("rank", spec.adapter().rank());
        adapter.put("alpha", spec.adapter().alpha());
        adapter.put("dropout", spec.adapter().dropout());
        if (spec.adapter().allLinear()) {
            adapter.put("target_modules", AdapterSpec.ALL_LINEAR);
        } else {
            ArrayNode targets = adapter.putArray("target_modules");
            spec.adapter().targetModules().forEach(targets::add);
        }
        adapter.put("init", spec.adapter().init().key());
        TrainingSettings t = spec.training();
        ObjectNode training = root.putObject("training");
        training.put("epochs", t.epochs());
        putIfPresent(training, "max_steps", t.maxSteps());
        training.put("micro_batch_size", t.microBatchSize());
        training.put("gradient_accumulation", t.gradientAccumulation());
        training.put("learning_rate", t.learningRate());
        training.put("schedule", t.schedule().key());
        training.put("warmup_steps", t.warmupSteps());
        training.put("weight_decay", t.weightDecay());
        training.putArray("betas").add(t.beta1()).add(t.beta2());
        training.put("epsilon", t.epsilon());
        training.put("max_grad_norm", t.maxGradNorm());
        training.put("max_length", t.maxLength());
        training.put("shuffle", t.shuffle());
        training.put("seed", t.seed());
        training.put("train_on", t.trainOn().key());
        putIfPresent(training, "checkpoint_every_steps", t.checkpointEverySteps());
        training.put("dtype", t.dtype());
        return root;
    }

    private static void putIfPresent(ObjectNode node, String field, @Nullable String value) {
        if (value != null) {
            node.put(field, value);
        }
    }

    private static void putIfPresent(ObjectNode node, String field, @Nullable Integer value) {
        if (value != null) {
            node.put(field, value);
        }
    }

    /** One object of the spec; remembers which fields were asked for, so that the others can be refused. */
    private static final class Section {
        private final String path;
        private final ObjectNode node;
        private final List<Resolution> resolutions;
        private final TreeSet<String> known = new TreeSet<>();

        Section(String path, ObjectNode node, List<Resolution> resolutions) {
            this.path = path;
            this.node = node;
            this.resolutions = resolutions;
        }

        Section section(String field) {
            JsonNode value = find(field);
            if (value == null) {
                return new Section(path + field + ".", JsonNodeFactory.instance.objectNode(), resolutions);
            }
            check(value.isObject(), field, value, "an object");
            return new Section(path + field + ".", (ObjectNode) value, resolutions);
        }

        String requiredText(String field) {
            String value = optionalText(field);
            if (value == null || value.isBlank()) {
                throw new SpecException(path + field, "is missing; it is required.");
            }
            return value;
        }

        @Nullable
        String optionalText(String field) {
            JsonNode value = find(field);
            if (value == null) {
                return null;
            }
            check(value.isString(), field, value, "a string");
            return value.stringValue();
        }

        String text(String field, String otherwise, String reason) {
            String value = optionalText(field);
            return value != null ? value : filledIn(field, otherwise, reason);
        }

        <E extends Enum<E> & Named> E choice(String field, Class<E> type, E otherwise, String reason) {
            String word = optionalText(field);
            if (word == null) {
                filledIn(field, otherwise.key(), reason);
                return otherwise;
            }
            return Named.parse(type, path + field, word);
        }

        @Nullable
        Integer optionalInteger(String field) {
            JsonNode value = find(field);
            if (value == null) {
                return null;
            }
            check(value.isIntegralNumber() && value.canConvertToInt(), field, value, "a whole number");
            return value.intValue();
        }

        int integer(String field, int otherwise, String reason) {
            Integer value = optionalInteger(field);
            return value != null ? value : filledIn(field, otherwise, reason);
        }

        double number(String field, double otherwise, String reason) {
            JsonNode value = find(field);
            if (value == null) {
                return filledIn(field, otherwise, reason);
            }
            check(value.isNumber() && Double.isFinite(value.doubleValue()), field, value, "a number");
            return value.doubleValue();
        }

        boolean bool(String field, boolean otherwise, String reason) {
            JsonNode value = find(field);
            if (value == null) {
                return filledIn(field, otherwise, reason);
            }
            check(value.isBoolean(), field, value, "true or false");
            return value.booleanValue();
        }

        List<Double> pair(String field, List<Double> otherwise, String reason) {
            JsonNode value = find(field);
            if (value == null) {
                return filledIn(field, otherwise, reason);
            }
            check(
                    value.isArray()
                            && value.size() == 2
                            && value.get(0).isNumber()
                            && value.get(1).isNumber(),
                    field,
                    value,
                    "a list of two numbers");
            return List.of(value.get(0).doubleValue(), value.get(1).doubleValue());
        }

        List<String> words(String field, String otherwise, String reason) {
            JsonNode value = find(field);
            if (value == null) {
                return List.of(filledIn(field, otherwise, reason));
            }
            if (value.isString()) {
                check(
                        value.stringValue().equals(otherwise),
                        field,
                        value,
                        "\"%s\" or a list of module names".formatted(otherwise));
                return List.of(otherwise);
            }
            check(value.isArray(), field, value, "\"%s\" or a list of module names".formatted(otherwise));
            List<String> words = new ArrayList<>();
            for (JsonNode word : value) {
                check(word.isString() && !word.stringValue().isBlank(), field, value, "a list of module names");
                words.add(word.stringValue());
            }
            return words;
        }

        void refuseUnknown() {
            for (String field : node.propertyNames()) {
                if (!known.contains(field)) {
                    String nearest = known.stream()
                            .filter(k -> distance(k, field) <= 3)
                            .min((a, b) -> Integer.compare(distance(a, field), distance(b, field)))
                            .map(k -> "did you mean \"%s\"?".formatted(k))
                            .orElseGet(
                                    () -> "known here are: " + known.stream().collect(Collectors.joining(", ")) + ".");
                    throw new SpecException(path + field, "is not a known setting; " + nearest);
                }
            }
        }

        private @Nullable JsonNode find(String field) {
            known.add(field);
            JsonNode value = node.get(field);
            return value == null || value.isNull() ? null : value;
        }

        private <T> T filledIn(String field, T value, String reason) {
            resolutions.add(new Resolution(path + field, String.valueOf(value), reason));
            return value;
        }

        private void check(boolean holds, String field, JsonNode value, String wanted) {
            if (!holds) {
                String shown = value.toString();
                throw new SpecException(
                        path + field,
                        "is %s, but must be %s."
                                .formatted(shown.length() > 60 ? shown.substring(0, 57) + "…" : shown, wanted));
            }
        }

        /** Levenshtein distance. */
        private static int distance(String a, String b) {
            int[] row = new int[b.length() + 1];
            Arrays.setAll(row, i -> i);
            for (int i = 1; i <= a.length(); i++) {
                int diagonal = row[0];
                row[0] = i;
                for (int j = 1; j <= b.length(); j++) {
                    int above = row[j];
                    int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                    row[j] = Math.min(changed, Math.min(above, row[j - 1]) + 1);
                    diagonal = above;
                }
            }
            return row[b.length()];
        }
    }
}
