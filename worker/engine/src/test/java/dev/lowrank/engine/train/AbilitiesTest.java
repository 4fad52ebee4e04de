package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AbilitiesTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"training\": {\"packing\": true} | training.packing",
                "\"training\": {\"gradient_checkpointing\": \"layer\"} | training.gradient_checkpointing",
                "\"training\": {\"optimizer\": \"adamw8bit\"} | training.optimizer",
                "\"training\": {\"paged\": true} | training.paged",
                "\"training\": {\"neftune_alpha\": 5} | training.neftune_alpha",
                "\"training\": {\"evaluate_every_steps\": 5} | training.evaluate_every_steps"
            })
    void whatIsNotDoneIsRefusedInsteadOfDropped(String more, String field) {
        TrainingSpec spec = spec(more);
        assertThatThrownBy(() -> Abilities.require(spec))
                .isInstanceOfSatisfying(
                        SpecException.class, e -> assertThat(e.field()).isEqualTo(field));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"method\": \"lora\"",
                "\"method\": \"full\"",
                "\"initial_adapter\": \"i\"",
                "\"training\": {\"gradient_checkpointing\": \"none\"}"
            })
    void whatIsDonePasses(String more) {
        assertThatCode(() -> Abilities.require(spec(more))).doesNotThrowAnyException();
    }

    private static TrainingSpec spec(String more) {
        return SpecJson.parse("{\"base_model\": \"b\", \"training_file\": \"t\", \"validation_file\": \"v\", %s}"
                        .formatted(more))
                .spec();
    }
}
