package dev.lowrank.engine.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class SpecMethodsTest {
    /** What may be left out without a word: places, not settings. */
    private static final Set<String> PLACES =
            Set.of("base_model", "training_file", "validation_file", "output", "initial_adapter");

    @ParameterizedTest
    @EnumSource(Method.class)
    void everythingLeftOutIsResolvedWithAReasonAndStored(Method method) {
        SpecJson.Read read = SpecTexts.read("\"method\": \"%s\"".formatted(method.key()));
        Map<String, Resolution> resolved =
                read.resolutions().stream().collect(Collectors.toMap(Resolution::field, Function.identity()));
        assertThat(resolved.values()).allSatisfy(one -> {
            assertThat(one.reason()).as(one.field()).isNotBlank();
            assertThat(one.value()).as(one.field()).isNotBlank();
        });
        Set<String> written = new HashSet<>();
        leaves("", SpecJson.write(read.spec()), written);
        written.removeAll(PLACES);
        written.remove("method");
        assertThat(resolved.keySet()).containsExactlyInAnyOrderElementsOf(written);
    }

    private static void leaves(String path, ObjectNode node, Set<String> found) {
        node.forEachEntry((key, value) -> {
            if (value instanceof ObjectNode object && !object.isEmpty()) {
                leaves(path + key + ".", object, found);
            } else {
                found.add(path + key);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(Method.class)
    void defaultsReadBackEqualWithNothingFilledIn(Method method) {
        assertReadsBack(
                SpecTexts.read("\"method\": \"%s\"".formatted(method.key())).spec());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                """
                "validation_file": "v", "format": "chat", "method": "lora", "output": "o",
                "adapter": {"rank": 4, "alpha": 9, "dropout": 0.1, "target_modules": ["q_proj", "down_proj"], "init": "gaussian",
                            "rslora": true, "dora": true, "rank_pattern": {"down_proj": 2, "1.*q_proj": 3}, "alpha_pattern": {"q_proj": 1.5},
                            "layers": [2, 0], "modules_to_save": ["lm_head"], "bias": "lora_only"},
                "training": {"epochs": 2, "max_steps": 7, "micro_batch_size": 3, "gradient_accumulation": 5, "learning_rate": 0.001,
                             "schedule": "cosine", "warmup_steps": 4, "weight_decay": 0.1, "betas": [0.8, 0.9], "epsilon": 1e-6,
                             "max_grad_norm": 0.5, "max_length": 99, "shuffle": true, "seed": 6, "train_on": "all",
                             "checkpoint_every_steps": 2, "dtype": "float32", "packing": true, "gradient_checkpointing": "layer",
                             "optimizer": "adamw8bit", "paged": true, "neftune_alpha": 5, "evaluate_every_steps": 3,
                             "early_stopping": {"patience": 2, "min_delta": 0.01}, "keep": "best-and-last"}
                """,
                "\"method\": \"lora\", \"adapter\": {\"init\": \"pissa\", \"dropout\": 0.1, \"bias\": \"all\"}",
                "\"method\": \"lora\", \"adapter\": {\"dora\": true, \"bias\": \"all\"}",
                "\"method\": \"lora\", \"initial_adapter\": \"i\", \"adapter\": {\"rank\": 8, \"target_modules\": \"all-linear\"}",
                "\"method\": \"qlora\", \"quantization\": {\"double\": false}, \"adapter\": {\"init\": \"gaussian\"}",
                "\"method\": \"qlora\", \"adapter\": {\"dora\": true}",
                "\"method\": \"dpo\", \"quantization\": {\"type\": \"nf4\"}, \"initial_adapter\": \"i\", \"training\": {\"beta\": 0.5}",
                "\"method\": \"full\", \"format\": \"text\", \"training\": {\"packing\": true, \"optimizer\": \"adamw8bit\"}",
                "\"method\": \"bottleneck\", \"quantization\": {\"type\": \"nf4\"}, \"adapter\": {\"size\": 8, \"activation\": \"gelu\", \"placement\": \"pfeiffer\"}",
                "\"method\": \"prefix-tuning\", \"quantization\": {\"type\": \"nf4\"}, \"adapter\": {\"virtual_tokens\": 6}",
                "\"method\": \"prompt-tuning\", \"quantization\": {\"type\": \"nf4\"}, \"adapter\": {\"init\": \"text\", \"init_text\": \"Answer:\"}",
                "\"method\": \"ia3\", \"quantization\": {\"type\": \"nf4\"}, \"adapter\": {\"target_modules\": [\"k_proj\", \"down_proj\"], \"feedforward_modules\": [\"down_proj\"]}",
                "\"method\": \"ia3\", \"initial_adapter\": \"i\""
            })
    void whatIsSaidReadsBackEqual(String more) {
        assertReadsBack(SpecTexts.read(more).spec());
    }

    private static void assertReadsBack(TrainingSpec spec) {
        JsonNode written = SpecJson.write(spec);
        for (SpecJson.Read again : List.of(SpecJson.read(written), SpecJson.parse(written.toString()))) {
            assertThat(again.spec()).isEqualTo(spec);
            assertThat(again.resolutions()).isEmpty();
            assertThat(SpecJson.write(again.spec())).isEqualTo(written);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "lora, 2e-4",
        "qlora, 2e-4",
        "dpo, 5e-5",
        "full, 2e-5",
        "bottleneck, 1e-4",
        "prefix-tuning, 1e-2",
        "prompt-tuning, 1e-2",
        "ia3, 5e-3"
    })
    void theLearningRateFollowsTheMethod(String method, double rate) {
        SpecJson.Read read = SpecTexts.read("\"method\": \"%s\"".formatted(method));
        assertThat(read.spec().training().learningRate()).isEqualTo(rate);
    }

    @Test
    void eachKindHasItsDefaults() {
        assertThat(adapter("bottleneck")).isEqualTo(new BottleneckSpec(64, Activation.RELU, Placement.HOULSBY));
        assertThat(adapter("prefix-tuning")).isEqualTo(new PrefixSpec(20));
        assertThat(adapter("prompt-tuning")).isEqualTo(new PromptSpec(20, PromptInit.RANDOM, null));
        assertThat(adapter("ia3")).isEqualTo(new Ia3Spec(null, null));
        assertThat(adapter("full")).isNull();
        LoraSpec plain = LoraSpec.plain(16, 32, 0, Targets.ALL_LINEAR, AdapterInit.KAIMING);
        assertThat(adapter("lora")).isEqualTo(plain);
        assertThat(adapter("qlora")).isEqualTo(plain);
        assertThat(adapter("dpo")).isEqualTo(plain);
    }

    private static AdapterSpec adapter(String method) {
        return SpecTexts.read("\"method\": \"%s\"".formatted(method)).spec().adapter();
    }

    @Test
    void theMethodDecidesAboutQuantization() {
        assertThat(SpecTexts.read("\"method\": \"qlora\"").spec().quantization())
                .isEqualTo(new Quantization(Quantization.Type.NF4, true));
        assertThat(SpecTexts.read("\"method\": \"dpo\", \"quantization\": {\"type\": \"nf4\"}")
                        .spec()
                        .quantization()
                        .doubled())
                .isTrue();
        assertThat(SpecTexts.read("").spec().quantization()).isEqualTo(Quantization.NONE);
    }

    @Test
    void betaIsThereForDpoAndOnlyForIt() {
        assertThat(SpecTexts.read("\"method\": \"dpo\"").spec().training().beta())
                .isEqualTo(0.1);
        assertThat(SpecTexts.read("").spec().training().beta()).isNull();
    }

    @Test
    void theOtherDefaultsChangeNothing() {
        TrainingSettings training = SpecTexts.read("").spec().training();
        assertThat(training.packing()).isFalse();
        assertThat(training.gradientCheckpointing()).isEqualTo(GradientCheckpointing.AUTO);
        assertThat(training.optimizer()).isEqualTo(OptimizerKind.ADAMW);
        assertThat(training.paged()).isFalse();
        assertThat(training.neftuneAlpha()).isZero();
        assertThat(training.evaluation()).isEqualTo(Evaluation.OFF);
    }

    @Test
    void earlyStoppingHasItsOwnDefaults() {
        SpecJson.Read read = SpecTexts.read(
                "\"validation_file\": \"v\", \"training\": {\"evaluate_every_steps\": 5, \"early_stopping\": {}}");
        assertThat(read.spec().training().evaluation())
                .isEqualTo(new Evaluation(5, new EarlyStopping(3, 0), Keep.LAST));
        assertThat(read.resolutions())
                .extracting(Resolution::field)
                .contains("training.early_stopping.patience", "training.early_stopping.min_delta")
                .doesNotContain("training.early_stopping");
    }
}
