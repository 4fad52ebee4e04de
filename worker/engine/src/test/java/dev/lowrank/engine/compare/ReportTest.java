package dev.lowrank.engine.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.evaluate.Bleu;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;
import tools.jackson.databind.JsonNode;

class ReportTest {
    private static final List<Result> RESULTS = List.of(
            new Result(Variant.BASE, null, judged(5, 0.4), null),
            result(Variant.of(Kind.FULL, 5e-4), 5_000_000, judged(1.25, 40)),
            result(lora(1), 10_000, judged(1.5, 30)),
            result(lora(64), 640_000, judged(1.375, 35)),
            new Result(Variant.of(Kind.IA3, 0.02), null, null, "there is no IA3 here."));

    @TempDir
    private Path folder;

    @Test
    void everyVariantIsARowWithItsFigures() {
        String page = new ComparisonTable(setting(), RESULTS).markdown("c.svg");
        assertThat(page)
                .contains("| the base, untrained | – | – | – | – | – | – | – | – | 5.000 | 148.41 | 0.4 |")
                .contains(
                        "| LoRA, all linear, r 1 | 2e-3 | 10,000 | 0.20 % | 40.1 kB | 123.0 MB | 12.5 s | 20.0 s | 4,321 | 1.500 | 4.48 | 30.0 |")
                .contains("| IA3 | – | – | – | – | – | – | – | – | failed | – | – |")
                .contains("(99.0 MB before the base is loaded)")
                .contains("- IA3 failed: there is no IA3 here.")
                .contains("![Test loss and BLEU of each method against the parameters it trains](c.svg)")
                .contains("`base` (5,000,000 parameters)")
                .doesNotContain("/somewhere");
    }

    @Test
    void whatAModelAnswersCannotBreakTheTable() {
        assertThat(new ComparisonTable(setting(), RESULTS).markdown("c.svg"))
                .contains("| full fine-tuning | a \\| b \\<script\\> \\*c\\* |");
    }

    @Test
    void thePictureHasAMarkForEveryVariantThatWasTrained() throws Exception {
        Document svg = parsed(new ComparisonPicture(RESULTS).svg());
        assertThat(svg.getElementsByTagName("polyline").getLength()).isEqualTo(2);
        // Two panels with three marks each, and two in the legend.
        assertThat(svg.getElementsByTagName("path").getLength()).isEqualTo(2 * 3 + 2);
        assertThat(parsed(new ComparisonPicture(RESULTS.subList(0, 1)).svg())
                        .getElementsByTagName("path")
                        .getLength())
                .isZero();
    }

    @Test
    void theJsonHasEveryFigureUnrounded() {
        JsonNode json = ComparisonJson.of(setting(), RESULTS);
        assertThat(json.at("/variants/2/test_loss").asDouble()).isEqualTo(1.5);
        assertThat(json.at("/variants/2/bleu/score").asDouble()).isEqualTo(30);
        assertThat(json.at("/variants/2/peak_memory_bytes").asLong()).isEqualTo(123_000_000);
        assertThat(json.at("/variants/4/failure").asString()).isEqualTo("there is no IA3 here.");
        assertThat(json.toString()).doesNotContain("/somewhere");
    }

    @Test
    void ofAPageOnlyTheMarkedPartIsReplaced() throws IOException {
        Path page = folder.resolve("page.md");
        Page.write(page, "first");
        Files.writeString(page, "Before.\n" + Files.readString(page) + "After.\n");
        Page.write(page, "second");
        assertThat(page)
                .content()
                .startsWith("Before.\n")
                .endsWith("After.\n")
                .contains("second")
                .doesNotContain("first");
        Path other = Files.writeString(folder.resolve("other.md"), "Mine.");
        assertThatThrownBy(() -> Page.write(other, "x"))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("has no part for the comparison");
        assertThat(other).hasContent("Mine.");
    }

    @Test
    void figuresAreWrittenForPeople() {
        assertThat(List.of(Figures.rate(5e-4), Figures.rate(0.02), Figures.rate(1.5e-3), Figures.rate(1)))
                .containsExactly("5e-4", "2e-2", "1.5e-3", "1e0");
        assertThat(List.of(Figures.bytes(1_234_000_000L), Figures.bytes(null), Figures.seconds(125.4)))
                .containsExactly("1.23 GB", "–", "2 min 05 s");
    }

    @Test
    void peakMemoryIsTheHighWaterMark() {
        assertThat(PeakMemory.in(List.of("VmPeak:\t  900 kB", "VmHWM:\t   12 kB", "VmRSS:\t 8 kB")))
                .isEqualTo(12 * 1024);
        assertThat(PeakMemory.in(List.of("Name: java"))).isNull();
    }

    private static Variant lora(int rank) {
        return Variant.sized(Kind.LORA_ALL, rank, Map.of("rank", rank), 2e-3);
    }

    private static Result result(Variant variant, long parameters, Judged judged) {
        Trained trained = new Trained(
                "id",
                "CPU",
                10,
                80,
                parameters,
                5_000_000,
                4 * parameters + 100,
                12.5,
                20.0,
                4321.0,
                99_000_000L,
                123_000_000L,
                1);
        return new Result(variant, trained, judged, null);
    }

    private static Judged judged(double loss, double bleu) {
        return new Judged(
                "id",
                7,
                70,
                loss,
                Math.exp(loss),
                new Bleu(bleu, List.of(1.0, 1.0, 1.0, 1.0), 1, 10, 10),
                List.of(new Judged.Answer("asked", "wanted", "a | b\n<script> *c*")));
    }

    private static Setting setting() {
        ComparisonPlan plan = new ComparisonPlan(
                Path.of("/somewhere/base"),
                Path.of("/somewhere/train.jsonl"),
                Path.of("/somewhere/test.jsonl"),
                null,
                Path.of("/somewhere/work"),
                null,
                null,
                1,
                8,
                1024,
                0,
                200,
                2);
        return new Setting(plan, plan.train(), 80, 10, 7, 1, 1, 5_000_000, "a", "b");
    }

    private static Document parsed(String svg) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
    }
}
