package dev.lowrank.local.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.local.terminal.Terminal;
import java.util.List;
import org.junit.jupiter.api.Test;

class ComparisonTableTest {
    private static final Evaluation BASE = evaluation("cabbage?", "unmodelled");
    private static final Evaluation ADAPTER = evaluation("egabbac", "delledomnu");

    @Test
    void showsPromptExpectedAndBothAnswers() {
        assertThat(table(100, false).lines(BASE, ADAPTER))
                .containsExactly(
                        "  prompt              expected    base        adapter",
                        "  Reverse cabbage     egabbac     cabbage?    egabbac",
                        "  Reverse unmodelled  delledomnu  unmodelled  delledomnu");
    }

    @Test
    void answersTooLongForColumnsStandBelowTheirPrompt() {
        assertThat(table(40, false).lines(BASE, ADAPTER).subList(0, 4))
                .containsExactly(
                        "  Reverse cabbage",
                        "    expected  egabbac",
                        "    base      cabbage?",
                        "    adapter   egabbac");
    }

    @Test
    void noLineIsWiderThanTheTerminal() {
        assertThat(table(18, false).lines(BASE, ADAPTER))
                .allSatisfy(line -> assertThat(line.length()).isLessThan(18));
        assertThat(table(44, false).lines(BASE, ADAPTER))
                .allSatisfy(line -> assertThat(line.length()).isLessThan(44));
    }

    @Test
    void rightAnswersAreGreenAndWrongOnesRed() {
        assertThat(table(100, true).lines(BASE, ADAPTER).get(1))
                .contains("\u001b[31mcabbage?")
                .contains("\u001b[32megabbac");
    }

    @Test
    void controlCharactersOfAnAnswerDoNotReachTheTerminal() {
        Evaluation nasty = evaluation("\u001b[2Jboo\nboo", "x");
        assertThat(table(100, false).lines(nasty, ADAPTER).get(1))
                .contains(" [2Jboo boo")
                .doesNotContain("\u001b");
    }

    private static Evaluation evaluation(String first, String second) {
        return new Evaluation(
                1,
                0.5,
                2,
                List.of(
                        new Evaluation.Sample("Reverse cabbage", "egabbac", first),
                        new Evaluation.Sample("Reverse unmodelled", "delledomnu", second)));
    }

    private static ComparisonTable table(int columns, boolean coloured) {
        return new ComparisonTable(new Terminal(System.out, System.err, true, coloured, columns));
    }
}
