package dev.lowrank.engine.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class BleuTest {
    @Test
    void theReferenceItselfScoresAHundred() {
        Bleu bleu = Bleu.of(List.of("a b c d e"), List.of(List.of("x", "a b c d e")));
        assertThat(bleu.score()).isEqualTo(100, within(1e-9));
        assertThat(bleu.brevityPenalty()).isEqualTo(1);
    }

    /** By hand: 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 fours; the fourth root of 5/6 * 3/5 * 2/4 * 1/3. */
    @Test
    void precisionsAreCountedAsByHand() {
        Bleu bleu = Bleu.of(List.of("the cat sat on a mat"), List.of(List.of("the cat sat on the mat")));
        assertThat(bleu.precisions()).containsExactly(5 / 6.0, 3 / 5.0, 2 / 4.0, 1 / 3.0);
        assertThat(bleu.score()).isEqualTo(100 * Math.pow(1 / 12.0, 0.25), within(1e-9));
    }

    /** Papineni's own example: "the" stands seven times in the answer, but at most twice in one reference. */
    @Test
    void aWordCountsAsOftenAsInTheReferenceThatHasItMost() {
        Bleu bleu = Bleu.of(
                List.of("the the the the the the the"),
                List.of(List.of("the cat is on the mat", "there is a cat on the mat")));
        assertThat(bleu.precisions().getFirst()).isEqualTo(2 / 7.0);
        assertThat(bleu.score()).isZero();
    }

    /** By hand: all that is said is right, but 4 tokens stand where the closest reference has 6: exp(1 - 6/4). */
    @Test
    void whatIsTooShortIsPenalisedByTheClosestReference() {
        Bleu bleu = Bleu.of(List.of("a b c d"), List.of(List.of("a b c d e f", "a b c d e f g h i")));
        assertThat(bleu.referenceTokens()).isEqualTo(6);
        assertThat(bleu.brevityPenalty()).isEqualTo(Math.exp(-0.5), within(1e-12));
        assertThat(bleu.score()).isEqualTo(100 * Math.exp(-0.5), within(1e-9));
    }

    @Test
    void ofTwoReferencesEquallyCloseTheShorterCounts() {
        assertThat(Bleu.of(List.of("a b c d e"), List.of(List.of("a b c d e f", "a b c d")))
                        .referenceTokens())
                .isEqualTo(4);
    }

    /** The numbers of sacreBLEU 2.6.0 with smooth_method="none". */
    @Test
    void agreesWithSacreBleuOverSeveralAnswers() {
        Bleu two = Bleu.of(
                List.of(
                        "The Blue Spice is a cheap coffee shop, near the river.",
                        "It costs $1,234.50 (about 20-30 pounds)!"),
                List.of(
                        List.of(
                                "Blue Spice is a cheap coffee shop near the river.",
                                "The Blue Spice is a coffee shop by the river, and it is cheap."),
                        List.of("It costs $1,234.50 (about 20-30 pounds).", "The price is 20-30 pounds!")));
        assertThat(two.score()).isEqualTo(84.86459739937601, within(1e-9));
        assertThat(two.answerTokens()).isEqualTo(25);
        assertThat(two.referenceTokens()).isEqualTo(23);
        Bleu shortened = Bleu.of(
                List.of("Blue Spice is a cheap coffee shop."),
                List.of(List.of(
                        "Blue Spice is a cheap coffee shop by the river in the city centre.",
                        "Blue Spice, by the river in the city centre, is a cheap coffee shop for families.")));
        assertThat(shortened.score()).isEqualTo(36.24372413507827, within(1e-9));
        assertThat(shortened.brevityPenalty()).isEqualTo(0.4168620196785084, within(1e-12));
    }

    @Test
    void tokensAreThoseOfMteval() {
        assertThat(BleuTokens.of("It costs $1,234.50 (about 20-30 pounds)!"))
                .containsExactly("It", "costs", "$", "1,234.50", "(", "about", "20", "-", "30", "pounds", ")", "!");
        assertThat(String.join(" ", BleuTokens.of("well-known café's \"menu\" &amp; more, 5.5/10.")))
                .isEqualTo("well-known café's \" menu \" & more , 5.5 / 10 .");
        assertThat(String.join(" ", BleuTokens.of("don't [stop] {now}~ `x` £25\n a.b, c .5")))
                .isEqualTo("don't [ stop ] { now } ~ ` x ` £25 a . b , c . 5");
    }

    @Test
    void silenceScoresNothing() {
        assertThat(Bleu.of(List.of(""), List.of(List.of("a b c d"))).score()).isZero();
    }

    @Test
    void everyAnswerNeedsItsReferences() {
        assertThatIllegalArgumentException().isThrownBy(() -> Bleu.of(List.of("a", "b"), List.of(List.of("a"))));
    }
}
