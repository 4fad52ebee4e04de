package dev.lowrank.engine.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpecJsonTest {
    private static final String SMALLEST = "{\"base_model\": \"b\", \"training_file\": \"t\"}";

    @Test
    void whatIsLeftOutIsFilledInAndSaid() {
        SpecJson.Read read = SpecJson.parse(SMALLEST);
        assertThat(read.spec().method()).isEqualTo(Method.LORA);
        assertThat(read.spec().adapter().rank()).isEqualTo(16);
        assertThat(read.spec().adapter().allLinear()).isTrue();
        assertThat(read.spec().training().learningRate()).isEqualTo(2e-4);
        assertThat(read.resolutions())
                .extracting(Resolution::field)
                .contains("method", "adapter.rank", "training.learning_rate");
        assertThat(read.resolutions()).allSatisfy(r -> assertThat(r.reason()).isNotBlank());
    }

    @Test
    void whatIsGivenIsNotCalledFilledIn() {
        SpecJson.Read read =
                SpecJson.parse("{\"base_model\": \"b\", \"training_file\": \"t\", \"adapter\": {\"rank\": 8}}");
        assertThat(read.resolutions()).extracting(Resolution::field).doesNotContain("adapter.rank");
        assertThat(read.spec().adapter().alpha()).isEqualTo(16);
    }

    @Test
    void writtenSpecReadsBackEqualWithNothingFilledIn() {
        TrainingSpec spec = SpecJson.parse("""
                        {"base_model": "b", "training_file": "t", "validation_file": "v", "format": "chat", "method": "lora", "output": "o",
                         "initial_adapter": "i", "adapter": {"rank": 4, "alpha": 9, "dropout": 0.1, "target_modules": ["q_proj"], "init": "gaussian"},
                         "training": {"epochs": 2, "max_steps": 7, "micro_batch_size": 3, "gradient_accumulation": 5, "learning_rate": 0.001,
                                      "schedule": "cosine", "warmup_steps": 4, "weight_decay": 0.1, "betas": [0.8, 0.9], "epsilon": 1e-6,
                                      "max_grad_norm": 0.5, "max_length": 99, "shuffle": true, "seed": 6, "train_on": "all",
                                      "checkpoint_every_steps": 2, "dtype": "float32"}}
                        """).spec();
        SpecJson.Read again = SpecJson.read(SpecJson.write(spec));
        assertThat(again.spec()).isEqualTo(spec);
        assertThat(again.resolutions()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"adapter\": {\"rnak\": 8}}                       | adapter.rnak             | did you mean \"rank\"?",
                "{\"adapter\": {\"rank\": 0}}                       | adapter.rank             | between 1 and 4096",
                "{\"adapter\": {\"rank\": \"8\"}}                   | adapter.rank             | must be a whole number",
                "{\"adapter\": {\"target_modules\": []}}            | adapter.target_modules   | nothing would be trained",
                "{\"adapter\": {\"target_modules\": \"q_proj\"}}    | adapter.target_modules   | a list of module names",
                "{\"adapter\": {\"dropout\": 1}}                    | adapter.dropout          | less than 1",
                "{\"method\": \"qlora\"}                            | method                   | must be one of: lora, full",
                "{\"training\": {\"learning_rate\": -1}}            | training.learning_rate   | must be positive",
                "{\"training\": {\"learning_rate\": 1e999}}         | training.learning_rate   | must be a number",
                "{\"training\": {\"betas\": [0.9]}}                 | training.betas           | a list of two numbers",
                "{\"training\": {\"schedule\": \"linera\"}}         | training.schedule        | constant, linear, cosine",
                "{\"training\": {\"dtype\": \"bfloat16\"}}          | training.dtype           | \"float32\" only",
                "{\"training\": 3}                                  | training                 | must be an object",
                "{\"base_model\": \"\"}                             | base_model               | required",
                "{\"method\": \"full\", \"initial_adapter\": \"x\"} | initial_adapter          | has no adapter",
            })
    void wrongFieldIsNamedWithTheRemedy(String change, String field, String remedy) {
        String json = SMALLEST.substring(0, SMALLEST.length() - 1) + ", " + change.substring(1);
        if (change.contains("base_model")) {
            json = "{\"training_file\": \"t\", " + change.substring(1);
        }
        String spec = json;
        assertThatThrownBy(() -> SpecJson.parse(spec))
                .isInstanceOfSatisfying(
                        SpecException.class, e -> assertThat(e.field()).isEqualTo(field))
                .hasMessageContaining(remedy);
    }

    @Test
    void textThatIsNoJsonIsRefusedInOneSentence() {
        assertThatThrownBy(() -> SpecJson.parse("{\"base_model\": "))
                .isInstanceOf(SpecException.class)
                .hasMessageContaining("not valid JSON");
        assertThatThrownBy(() -> SpecJson.parse("{\"method\": \"lora\", \"method\": \"full\"}"))
                .isInstanceOf(SpecException.class);
    }

    @Test
    void schedulesWarmUpAndFall() {
        assertThat(Schedule.LINEAR.rate(1, 0, 12, 2)).isEqualTo(0.5);
        assertThat(Schedule.LINEAR.rate(1, 1, 12, 2)).isEqualTo(1);
        assertThat(Schedule.LINEAR.rate(1, 7, 12, 2)).isEqualTo(0.5);
        assertThat(Schedule.COSINE.rate(1, 7, 12, 2)).isEqualTo(0.5);
        assertThat(Schedule.CONSTANT.rate(1, 11, 12, 2)).isEqualTo(1);
    }
}
