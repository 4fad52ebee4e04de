package dev.lowrank.engine.compare;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** All figures for programs: nothing rounded, no path but the names of files. */
final class ComparisonJson {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private ComparisonJson() {}

    static ObjectNode of(Setting setting, List<Result> results) {
        ComparisonPlan plan = setting.plan();
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.put("base", name(plan.base())).put("base_parameters", setting.baseParameters());
        root.put("training_file", name(plan.train())).put("rows", setting.rows());
        root.put("steps", setting.steps()).put("batch", plan.batch()).put("warmup_steps", setting.warmup());
        root.put("max_length", plan.maxLength()).put("seed", plan.seed()).put("threads", plan.threads());
        root.put("test_file", name(plan.test())).put("test_rows", setting.testRows());
        root.put("answered_prompts", setting.answers()).put("references", setting.references());
        ArrayNode variants = root.putArray("variants");
        results.forEach(result -> variants.add(variant(result)));
        return root;
    }

    private static ObjectNode variant(Result result) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        Variant variant = result.variant();
        Kind kind = variant.kind();
        node.put("name", variant.name()).put("label", variant.label());
        if (kind != null) {
            node.put("method", kind.method().key()).put("learning_rate", variant.learningRate());
            node.set("adapter", MAPPER.valueToTree(variant.adapter()));
        }
        putTrained(node, result.trained());
        putJudged(node, result.judged());
        if (result.failure() != null) {
            node.put("failure", result.failure());
        }
        return node;
    }

    private static void putTrained(ObjectNode node, @Nullable Trained trained) {
        if (trained == null) {
            return;
        }
        node.put("trained_parameters", trained.trainableParameters());
        node.put("checkpoint_bytes", trained.checkpointBytes()).put("peak_memory_bytes", trained.peakBytes());
        node.put("start_memory_bytes", trained.startBytes());
        node.put("training_seconds", trained.seconds()).put("training_cpu_seconds", trained.cpuSeconds());
        node.put("tokens_per_second", trained.tokensPerSecond());
        node.put("last_training_loss", trained.lastLoss()).put("device", trained.device());
    }

    private static void putJudged(ObjectNode node, @Nullable Judged judged) {
        if (judged == null) {
            return;
        }
        node.put("test_loss", judged.loss()).put("perplexity", judged.perplexity());
        node.put("test_tokens", judged.tokens());
        if (judged.bleu() != null) {
            node.set("bleu", MAPPER.valueToTree(judged.bleu()));
        }
    }

    private static String name(Path path) {
        return String.valueOf(path.toAbsolutePath().normalize().getFileName());
    }
}
