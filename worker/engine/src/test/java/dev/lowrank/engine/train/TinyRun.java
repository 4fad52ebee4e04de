package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A run on the tiny fixture, each setting of which a test may change. */
final class TinyRun {
    static final Path FIXTURE = Path.of("src/test/resources/fixtures/llama-tiny");

    private final ObjectNode spec = (ObjectNode)
            JsonMapper.shared().readTree("""
                    {"base_model": "%s", "training_file": "%s", "format": "tokenized",
                     "adapter": {"rank": 3, "dropout": 0.1},
                     "training": {"epochs": 3, "micro_batch_size": 2, "gradient_accumulation": 2,
                                  "learning_rate": 0.01, "shuffle": true, "checkpoint_every_steps": 2, "seed": 11,
                                  "dtype": "float32"}}
                    """.formatted(FIXTURE.resolve("model"), FIXTURE.resolve("rows.jsonl")));

    TinyRun with(String field, Object value) {
        spec.set(field, JsonMapper.shared().valueToTree(value));
        return this;
    }

    TinyRun training(String field, Object value) {
        ((ObjectNode) spec.get("training")).set(field, JsonMapper.shared().valueToTree(value));
        return this;
    }

    TinyRun adapter(String field, Object value) {
        ((ObjectNode) spec.get("adapter")).set(field, JsonMapper.shared().valueToTree(value));
        return this;
    }

    TinyRun withoutDropout() {
        ((ObjectNode) spec.get("adapter")).remove("dropout");
        return this;
    }

    ObjectNode json() {
        return spec;
    }

    TrainingRun open(Path folder, Kernels kernels) {
        return TrainingRun.open(SpecJson.read(spec).spec(), folder, kernels);
    }

    /** Trains in a folder and writes the result there. */
    Ending in(Path folder, RunControl control) {
        try (Kernels kernels = CpuKernels.open(2);
                TrainingRun run = open(folder, kernels)) {
            Ending ending = run.train(control);
            run.writeOutput(folder);
            return ending;
        }
    }

    Ending in(Path folder) {
        return in(folder, new RunControl() {});
    }
}
