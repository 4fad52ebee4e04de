package dev.lowrank.engine.compare;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.format.ModelFolder;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonTest {
    private static final Path FIXTURE = Path.of("src/test/resources/fixtures/llama-tiny");
    private static final PrintStream NOWHERE =
            new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);

    @TempDir
    private Path folder;

    @Test
    void aVariantThatFailsIsNamedAndTheOthersGoOn() throws IOException {
        Setting setting = setting();
        List<Variant> variants;
        try (ModelFolder base = ModelFolder.open(FIXTURE.resolve("model"))) {
            variants = Variants.chosen(Variants.all(base, List.of(2), Map.of()), List.of("full", "lora-qv"));
        }
        List<Result> results = new Comparison(
                        setting, new Child("no.such.program", "none"), new ComparisonDisplay(NOWHERE))
                .run(variants);
        assertThat(results).extracting(result -> result.variant().name()).containsExactly("base", "full", "lora-qv-2");
        assertThat(results).allSatisfy(result -> assertThat(result.failure()).contains("ended with code 1"));
    }

    @Test
    void whatATaskDependsOnChangesItsIdentity() throws IOException {
        Setting setting = setting();
        Variant one = Variant.of(Kind.FULL, 1e-3);
        Variant other = Variant.of(Kind.FULL, 2e-3);
        assertThat(setting.task(one)).isEqualTo(setting.task(one));
        assertThat(setting.task(other).trainingIdentity())
                .isNotEqualTo(setting.task(one).trainingIdentity());
        assertThat(setting.task(other).judgingIdentity())
                .isNotEqualTo(setting.task(one).judgingIdentity());
    }

    @Test
    void rowsAreDrawnBeforehandForAllVariants() throws IOException {
        Setting setting = setting();
        assertThat(Files.readAllLines(setting.train()))
                .hasSize(4)
                .isSubsetOf(Files.readAllLines(FIXTURE.resolve("rows.jsonl")));
        assertThat(setting.steps()).isEqualTo(4);
        assertThat(setting.answers()).isZero();
    }

    @Test
    void variantsAreChosenByNameOrByWhatItBeginsWith() {
        try (ModelFolder base = ModelFolder.open(FIXTURE.resolve("model"))) {
            List<Variant> all = Variants.all(base, List.of(1, 8), Map.of(Kind.IA3, 0.5));
            assertThat(all.getLast().learningRate()).isEqualTo(0.5);
            assertThat(Variants.chosen(all, List.of())).isEqualTo(all);
            assertThat(Variants.chosen(all, List.of("lora-all", "ia3")))
                    .extracting(Variant::name)
                    .containsExactly("lora-all-1", "lora-all-8", "ia3");
            assertThat(Variants.chosen(all, List.of("lora-qv-1")).getFirst().adapter())
                    .containsEntry("target_modules", List.of("q_proj", "v_proj"));
        }
    }

    private Setting setting() throws IOException {
        Path rows = FIXTURE.resolve("rows.jsonl");
        ComparisonPlan plan = new ComparisonPlan(
                FIXTURE.resolve("model"), rows, rows, null, folder.resolve("work"), 4, null, 2, 2, 64, 0, 5, 1);
        try (ModelFolder base = ModelFolder.open(plan.base())) {
            return Setting.look(plan, base);
        }
    }
}
