package dev.lowrank.engine.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdapterSpecTest {
    private static final List<String> LINEAR = List.of("q_proj", "v_proj", "down_proj");

    private static LoraSpec lora(String adapter) {
        return (LoraSpec) SpecTexts.read("\"adapter\": " + adapter).spec().adapter();
    }

    @ParameterizedTest
    @CsvSource({
        "model.layers.0.mlp.down_proj, 2",
        "down_proj, 2",
        "model.layers.1.self_attn.q_proj, 3",
        "model.layers.11.self_attn.q_proj, 8",
        "model.layers.0.mlp.xdown_proj, 8",
        "model.layers.0.mlp.down_proj.more, 8",
        "model.layers.0.self_attn.k_proj, 5",
        "model.layers.0.self_attn.v_proj, 5"
    })
    void aRankPatternMatchesAPathOrItsEndingAfterADot(String path, int rank) {
        LoraSpec spec = lora(
                "{\"rank\": 8, \"rank_pattern\": {\"down_proj\": 2, \"layers\\\\.1\\\\..*q_proj\": 3, \"k_proj|v_proj\": 5}}");
        assertThat(spec.rank(path)).isEqualTo(rank);
    }

    @Test
    @Timeout(60)
    void patternThatWouldTakeForEverIsAnsweredOrRefusedSoon() {
        LoraSpec lora = lora("{\"rank\": 8, \"rank_pattern\": {\"(a+)+b\": 2}}");
        assertThat(lora.rank("a".repeat(60))).isEqualTo(8);
        assertThat(lora.rank("a".repeat(60) + "b")).isEqualTo(2);
    }

    @Test
    void theFirstPatternThatMatchesCounts() {
        assertThat(lora("{\"rank_pattern\": {\"z.*\": 3, \"zq\": 4}}").rank("a.zq"))
                .isEqualTo(3);
        assertThat(lora("{\"rank_pattern\": {\"zq\": 4, \"z.*\": 3}}").rank("a.zq"))
                .isEqualTo(4);
    }

    @Test
    void theScaleFollowsBothPatterns() {
        String patterns =
                "\"rank\": 4, \"alpha\": 8, \"rank_pattern\": {\"d\": 16}, \"alpha_pattern\": {\"d\": 6, \"e\": 2}";
        LoraSpec plain = lora("{%s}".formatted(patterns));
        assertThat(plain.scale("m.d")).isEqualTo(6.0 / 16);
        assertThat(plain.scale("m.e")).isEqualTo(2.0 / 4);
        assertThat(plain.scale("m.f")).isEqualTo(8.0 / 4);
        LoraSpec stabilized = lora("{%s, \"rslora\": true}".formatted(patterns));
        assertThat(stabilized.scale("m.d")).isEqualTo(6.0 / 4);
        assertThat(stabilized.scale("m.f")).isEqualTo(8.0 / 2);
    }

    @Test
    void layersLeftOutAreAll() {
        assertThat(lora("{}").adapts(7)).isTrue();
        assertThat(lora("{\"layers\": [2, 1]}").adapts(2)).isTrue();
        assertThat(lora("{\"layers\": [2, 1]}").adapts(0)).isFalse();
    }

    @Test
    void ia3TakesWhatPeftChoosesForTheFamily() {
        Ia3Spec left = new Ia3Spec(null, null);
        assertThat(left.forFamily("llama"))
                .isEqualTo(new Ia3Spec(Targets.of("k_proj", "v_proj", "down_proj"), List.of("down_proj")));
        assertThat(left.forFamily("gpt2"))
                .isEqualTo(new Ia3Spec(Targets.of("c_attn", "mlp.c_proj"), List.of("mlp.c_proj")));
        assertThat(new Ia3Spec(Targets.of("k_proj"), null).forFamily("qwen2").feedforwardModules())
                .isEmpty();
        Ia3Spec said = new Ia3Spec(Targets.of("a", "b"), List.of("b"));
        assertThat(said.forFamily("unheard-of")).isEqualTo(said);
        assertThatThrownBy(() -> left.forFamily("olmo2"))
                .isInstanceOf(SpecException.class)
                .hasMessageContaining("\"adapter.target_modules\" is left out")
                .hasMessageContaining("\"olmo2\"; name the modules.");
    }

    @Test
    void whatIsSaidOfAnInitialAdapterMayAgree() {
        initial("{\"rank\": 8, \"alpha\": 16, \"target_modules\": \"all-linear\", \"dora\": false}")
                .requireAgreement(found("down_proj", "v_proj", "q_proj"), LINEAR);
        initial("{\"target_modules\": [\"v_proj\", \"q_proj\"]}").requireAgreement(found("q_proj", "v_proj"), LINEAR);
        initial("{\"target_modules\": [\"q_proj\", \"v_proj\", \"down_proj\"]}")
                .requireAgreement(found("all-linear"), LINEAR);
        initial("{}").requireAgreement(found("q_proj"), LINEAR);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"rank\": 4} | adapter.rank | is 4, but the initial adapter i has 8",
                "{\"alpha\": 8} | adapter.alpha | has 16.0",
                "{\"target_modules\": [\"q_proj\"]} | adapter.target_modules | leave it out",
                "{\"target_modules\": \"all-linear\"} | adapter.target_modules | leave it out",
                "{\"rslora\": true} | adapter.rslora | has false",
                "{\"layers\": [1]} | adapter.layers | has null"
            })
    void whatIsSaidOfAnInitialAdapterMustNotContradictIt(String adapter, String field, String part) {
        assertThatThrownBy(() -> initial(adapter).requireAgreement(found("q_proj", "v_proj"), LINEAR))
                .isInstanceOfSatisfying(
                        SpecException.class, e -> assertThat(e.field()).isEqualTo(field))
                .hasMessageContaining(part);
    }

    private static InitialAdapter initial(String adapter) {
        return (InitialAdapter) SpecTexts.read("\"initial_adapter\": \"i\", \"adapter\": " + adapter)
                .spec()
                .adapter();
    }

    private static LoraSpec found(String... targets) {
        return LoraSpec.plain(8, 16, 0, Targets.of(targets), AdapterInit.KAIMING);
    }
}
