package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PeftModulesTest {
    private static final String Q1 = "model.layers.1.self_attn.q_proj";

    private static PeftModules layers(List<String> names, List<Integer> layers, List<String> pattern) {
        return new PeftModules(new PeftTargets.Listed(names), null, layers, pattern, List.of());
    }

    @Test
    void nameInTheListIsAPathOrItsEndingAfterADot() {
        PeftModules modules = PeftModules.listed(List.of("q_proj", "mlp.up_proj", "lm_head"));
        assertThat(modules.targets(Q1)).isTrue();
        assertThat(modules.targets("lm_head")).isTrue();
        assertThat(modules.targets("model.layers.1.mlp.up_proj")).isTrue();
        assertThat(modules.targets("model.layers.1.big_mlp.up_proj")).isFalse();
        assertThat(modules.targets("model.layers.1.self_attn.kq_proj")).isFalse();
        assertThat(modules.targets(Q1 + ".inner")).isFalse();
    }

    @Test
    void excludedAndSavedModulesAreNotAdapted() {
        PeftModules modules = new PeftModules(
                new PeftTargets.AllLinear(),
                new PeftTargets.Expression(PeftPattern.of(".*layers\\.0\\..*")),
                List.of(),
                List.of(),
                List.of("mlp"));
        assertThat(modules.targets(Q1)).isTrue();
        assertThat(modules.targets("model.layers.0.self_attn.q_proj")).isFalse();
        assertThat(modules.targets("model.layers.1.mlp.up_proj")).isFalse();
        assertThat(modules.targets("model.layers.1.mlp")).isFalse();
        assertThat(modules.targets("model.layers.1.mlp2.up_proj")).isTrue();
        assertThat(modules.saves("model.layers.1.mlp.up_proj.weight")).isTrue();
        assertThat(modules.saves("model.layers.1.self_attn.q_proj.weight")).isFalse();
    }

    @Test
    void chosenLayersAreReadFromTheFirstNumberInThePath() {
        PeftModules modules = layers(List.of("q_proj", "up_proj", "head"), List.of(1, 3), List.of());
        assertThat(modules.targets(Q1)).isTrue();
        assertThat(modules.targets("model.layers.2.self_attn.q_proj")).isFalse();
        assertThat(modules.targets("model.layers.2.experts.1.up_proj")).isFalse();
        assertThat(modules.targets("model.layers.1.experts.0.up_proj")).isTrue();
        assertThat(modules.targets("layers.1.q_proj")).isFalse();
        assertThat(modules.targets("model.head")).isFalse();
        assertThat(modules.targets("head"))
                .as("a whole path is meant in any layer")
                .isTrue();
    }

    @Test
    void layersCanBeCountedInANamedList() {
        PeftModules modules = layers(List.of("up_proj"), List.of(1), List.of("blocks", "experts"));
        assertThat(modules.targets("model.layers.0.experts.1.up_proj")).isTrue();
        assertThat(modules.targets("model.layers.1.experts.0.up_proj")).isFalse();
        assertThat(modules.targets("blocks.1.up_proj")).isTrue();
        assertThat(modules.targets("model.layers.1.mlp.up_proj")).isFalse();
        assertThat(modules.targets("blocks.0.experts.1.up_proj"))
                .as("the first list that is there counts")
                .isFalse();
    }

    @Test
    void firstPatternThatMatchesCounts() {
        Map<String, Integer> values = new LinkedHashMap<>();
        values.put(".*layers\\.1\\..*", 7);
        values.put("q_proj", 3);
        PeftPatterns<Integer> patterns = PeftPatterns.of(values);
        assertThat(patterns.orElse(Q1, 2)).isEqualTo(7);
        assertThat(patterns.orElse("model.layers.0.self_attn.q_proj", 2)).isEqualTo(3);
        assertThat(patterns.orElse("model.layers.0.self_attn.k_proj", 2)).isEqualTo(2);
        Map<String, Integer> reversed = new LinkedHashMap<>();
        reversed.put("q_proj", 3);
        reversed.put(".*layers\\.1\\..*", 7);
        assertThat(PeftPatterns.of(reversed)).isNotEqualTo(patterns);
        assertThat(PeftPatterns.of(reversed).orElse(Q1, 2)).isEqualTo(3);
    }

    @Test
    void feedForwardModulesOfIa3AreFoundByAnyEnding() {
        PeftIa3 ia3 = new PeftIa3(
                PeftModules.listed(List.of("k_proj", "down_proj")),
                new PeftTargets.Listed(List.of("down_proj")),
                false,
                null);
        assertThat(ia3.onInputs("model.layers.0.mlp.down_proj")).isTrue();
        assertThat(ia3.onInputs("model.layers.0.mlp.updown_proj")).isTrue();
        assertThat(ia3.onInputs("model.layers.0.self_attn.k_proj")).isFalse();
    }

    @Test
    void choicesThatContradictEachOtherCannotBeMade() {
        PeftTargets pattern = new PeftTargets.Expression(PeftPattern.of(".*"));
        assertThatThrownBy(() -> new PeftModules(pattern, null, List.of(1), List.of(), List.of()))
                .hasMessageContaining("listed by name");
        assertThatThrownBy(() -> layers(List.of("q_proj"), List.of(), List.of("h")))
                .hasMessageContaining("layers_to_transform");
    }
}
