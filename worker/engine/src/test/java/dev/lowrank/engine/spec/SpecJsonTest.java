package dev.lowrank.engine.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SpecJsonTest {
    private static final String SMALLEST = "{\"base_model\": \"b\", \"training_file\": \"t\"}";

    @Test
    void whatIsLeftOutIsFilledInAndSaid() {
        SpecJson.Read read = SpecJson.parse(SMALLEST);
        assertThat(read.spec().method()).isEqualTo(Method.LORA);
        assertThat(read.spec().adapter()).isEqualTo(LoraSpec.plain(16, 32, 0, Targets.ALL_LINEAR, AdapterInit.KAIMING));
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
        assertThat(read.spec().adapter()).isEqualTo(LoraSpec.plain(8, 16, 0, Targets.ALL_LINEAR, AdapterInit.KAIMING));
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
    void aWrittenNullIsAChoiceAndNotFilledIn() {
        SpecJson.Read read = SpecJson.parse(
                "{\"base_model\": \"b\", \"training_file\": \"t\", \"training\": {\"max_steps\": null, \"early_stopping\": null}}");
        assertThat(read.spec().training().maxSteps()).isNull();
        assertThat(read.resolutions())
                .extracting(Resolution::field)
                .doesNotContain("training.max_steps", "training.early_stopping")
                .contains("training.checkpoint_every_steps");
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
