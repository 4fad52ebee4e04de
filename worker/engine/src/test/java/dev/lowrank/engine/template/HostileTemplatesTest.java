package dev.lowrank.engine.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that mean harm, or are broken, end soon with a sentence that names the line. */
class HostileTemplatesTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    private static TemplateException refused(String template) {
        return refused(template, Map.of("messages", List.of(Map.of("role", "user"))));
    }

    private static TemplateException refused(String template, Map<String, ?> variables) {
        TemplateException refusal = Assertions.assertTimeoutPreemptively(
                SOON,
                () -> catchThrowableOfType(
                        TemplateException.class,
                        () -> ChatTemplate.compile(template).render(variables)));
        assertThat(refusal).as("a refusal").isNotNull();
        assertThat(refusal.getMessage())
                .startsWith("Chat template, line " + refusal.line() + ": ")
                .endsWith(".");
        return refusal;
    }

    @Test
    void aHugeRangeIsRefusedBeforeItIsMade() {
        assertThat(refused("a\n{% for i in range(10**9) %}{% endfor %}"))
                .hasMessageContaining("line 2")
                .hasMessageContaining("range() would have more than 100000 elements");
        assertThat(refused("{{ range(0 - 9223372036854775807, 9223372036854775807) }}"))
                .hasMessageContaining("range()");
    }

    @Test
    void nestedLoopsRunOutOfSteps() {
        assertThat(refused("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"))
                .hasMessageContaining("more than 10000000 steps");
    }

    @Test
    void textThatDoublesRunsOutOfCharacters() {
        assertThat(
                        refused(
                                "{% set ns = namespace(s='x') %}\n{% for i in range(99) %}\n{% set ns.s = ns.s ~ ns.s %}{% endfor %}"))
                .hasMessageContaining("line 3")
                .hasMessageContaining("characters");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 'x' * 10**10 }}",
                "{{ 'x' * 9223372036854775807 }}",
                "{{ ('x' * 1000000) | replace('x', 'y' * 1000000) }}",
                "{{ ('x' * 1000000) | replace('', 'y' * 1000000) }}",
                "{{ ('x' * 1000000).join(range(1000) | map('string')) }}",
                "{{ range(100000) | join('x' * 1000000) }}",
                "{{ 'x' | center(10**12) }}",
                "{{ 'x'.ljust(10**12) }}",
                "{{ '1'.zfill(10**12) }}",
                "{{ '%9999999d%9999999d' % (1, 1) }}{{ '%9999999999d' % 1 }}",
                "{{ '{:9999999}{:9999999}'.format(1, 1) }}",
                "{{ 'x\nx' | indent(10**12) }}",
                "{{ [1] | tojson(indent=10**12) }}",
                "{{ [1] * 10**10 }}",
                "{{ [[1] * 1000000] * 1000000 }}",
                "{{ [1] | batch(10**12, 'x') | list }}",
                "{{ [1] | slice(10**12) | list }}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
                "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}"
                        + "{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
                "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}"
                        + "{% set ns.m = [ns.m] %}{% endfor %}{{ ns.l == ns.m }}{{ ns.l < ns.m }}",
                "{% set ns = namespace() %}{% set ns.l = [ns] %}{{ ns.l }}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
                "{{ 2 ** 99999999999 }}",
                "{{ 9223372036854775807 + 1 }}",
                "{{ 99999999999999999999 }}",
                "{{ 'x' * 16000000 }}{{ 'x' * 16000000 }}",
                "{% set s = 'ab' * 400000 %}{% for i in range(99999) %}{{ s in s }}{{ s == 'ab' * 400000 }}{% endfor %}",
                "{% set s = 'a' * 400000 %}{% for i in range(99999) %}{{ s | length }}{{ s.strip() }}{{ s[::-1] }}{% endfor %}",
                "{% set s = 'a' * 4000000 %}{{ ('a' * 2000000 ~ 'b') in s }}",
                "{% set s = 'a' * 4000000 %}{{ s.split('a' * 2000000 ~ 'b') }}",
                "{% set s = 'a' * 4000000 %}{{ s | replace('a' * 2000000 ~ 'b', '') }}",
                "{% set s = 'a' * 4000000 %}{{ s.rfind('b' ~ 'a' * 2000000) }}",
                "{% set s = 'a' * 4000000 %}{{ s.strip('b' * 2000000 ~ 'a') }}",
                "{% set s = 'a b ' * 4000000 %}{{ s.split() | length }}",
                "{% set s = 'a' * 4000000 %}{{ s | list | length }}",
            })
    void growthIsStoppedByALimit(String template) {
        assertThat(refused(template).getMessage())
                .containsAnyOf("more than", "beyond", "elements", "levels deep", "not known", "has no text");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ ''.__class__ }} ! underscore",
                "{{ ''.__class__.__mro__[1].__subclasses__() }} ! underscore",
                "{{ ''['__class__'] }} ! underscore",
                "{{ '' | attr('__class__') }} ! underscore",
                "{{ [''] | map(attribute='__class__') | list }} ! underscore",
                "{{ messages.__init__.__globals__ }} ! underscore",
                "{{ messages[0].__class__ }} ! underscore",
                "{{ ''._private }} ! underscore",
                "{{ range.__globals__ }} ! underscore",
                "{{ messages.getClass() }} ! has no attribute 'getClass'",
                "{{ ''.getClass().forName('x') }} ! has no attribute 'getClass'",
                "{{ ''['class'].x }} ! has no attribute 'class'",
                "{{ messages.class.name }} ! has no attribute 'class'",
                "{{ (1).byteValue() }} ! has no attribute 'byteValue'",
                "{{ '{0.__class__}'.format(1) }} ! name whole arguments only",
                "{{ '{0[0]}'.format([1]) }} ! name whole arguments only",
                "{{ messages.append(1) }} ! cannot be changed by a template",
                "{{ messages[0].update({'a': 1}) }} ! cannot be changed by a template",
                "{{ messages[0].clear() }} ! cannot be changed by a template",
            })
    void nothingButDataAndListedMethodsCanBeReached(String row) {
        String[] parts = row.split(" ! ");
        assertThat(refused(parts[0])).hasMessageContaining(parts[1]);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 1 | nope }} ! 1 ! there is no filter \"nope\"; known are abs",
                "x\\n{{ 1 is nope }} ! 2 ! there is no test \"nope\"; known are",
                "a\\nb\\n{% for x in y %} ! 3 ! the block \"for\" is never closed; add \"{% endfor %}\"",
                "{% if x %}\\n{% endfor %} ! 2 ! the open block is \"if\" of line 1",
                "\\n{% endif %} ! 2 ! no block is open here",
                "{% set x %}abc ! 1 ! the block \"set\" is never closed",
                "\\n{{ 1 + ! 2 ! opened but never closed; add \"}}\"",
                "{% if ! 1 ! opened but never closed; add \"%}\"",
                "a\\n{# b ! 2 ! a comment is opened but never closed",
                "{% raw %} ! 1 ! add \"{% endraw %}\"",
                "{{ 'abc }} ! 1 ! a text in quotes is never closed; add '",
                "{{ (1 }} ! 1 ! closes nothing that is open",
                "{{ 1 ? 2 }} ! 1 ! the character \"?\" has no meaning",
                "{% include 'x' %} ! 1 ! the tag \"include\" is not known here; use if, for",
                "{{ x.y }} ! 1 ! 'x' is undefined; check the messages",
                "\\n\\n{{ 'a' + 1 }} ! 3 ! join texts with ~",
                "{{ 1 / 0 }} ! 1 ! divides by zero",
                "{% break %} ! 1 ! stands outside of a loop",
                "{{ '\\uZZZZ' }} ! 1 ! an escape in a text",
                "{{ 'abc' | tojson(foo=1) }} ! 1 ! takes no argument \"foo\"; it takes ensure_ascii",
            })
    void mistakesNameTheLineAndTheRemedy(String row) {
        String[] parts = row.split(" ! ");
        TemplateException refusal = refused(parts[0].stripTrailing().replace("\\n", "\n"));
        assertThat(refusal).hasMessageContaining(parts[2].strip());
        assertThat(refusal.line()).isEqualTo(Integer.parseInt(parts[1].strip()));
        assertThat(refusal.raised()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[", "{1:", "-", "not ", "f(", "a[", "1 if 1 else ", "x is in (", "1|f(", "a + ("})
    void deepBracketsAreRefusedWhileCompiling(String piece) {
        assertThat(refused("{{ " + piece.repeat(50_000) + " }}").getMessage()).isNotBlank();
        assertThat(refused("{{ " + piece.repeat(150) + "1 }}").getMessage()).isNotBlank();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% if x %}",
                "{% for x in y %}",
                "{% set x %}",
                "{% macro m() %}",
                "{% call m() %}",
                "{% filter f %}"
            })
    void deepBlocksAreRefusedWhileCompiling(String piece) {
        assertThat(refused(piece.repeat(50_000))).hasMessageContaining("more than 100 levels deep");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                " + 1", " ~ 1", " | trim", ".a", "[0]", " and 1", " or 1", " == 1", " ** 1", " * 1", " if 1", "()",
                " is odd"
            })
    void longChainsAreRefusedOrWork(String piece) {
        Assertions.assertTimeoutPreemptively(SOON, () -> {
            try {
                ChatTemplate.compile("{{ 1" + piece.repeat(30_000) + " }}").render(Map.of());
            } catch (TemplateException e) {
                assertThat(e).hasMessageContaining("line 1");
            }
        });
    }

    @Test
    void aTemplateOfMillionsOfCharactersIsRefused() {
        assertThat(refused("x".repeat(1_000_001))).hasMessageContaining("more than 1000000 characters");
    }

    @Test
    void theDeepestAllowedRecursionFitsASmallStack() throws InterruptedException {
        String nested = "{% if true %}".repeat(40) + "{{ " + "(".repeat(40) + "m(n)" + ")".repeat(40) + " }}"
                + "{% endif %}".repeat(40);
        List<String> templates = List.of(
                "{% macro m(n) %}{{ [m(n)] | map('string') | list | join }}{% endmacro %}{{ m(1) }}",
                "{% macro m(n) %}{% set x | upper %}" + nested + "{% endset %}{{ x }}{% endmacro %}{{ m(1) }}",
                "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}");
        List<Throwable> outcomes = new ArrayList<>();
        for (String template : templates) {
            Thread thread = new Thread(
                    null,
                    () -> outcomes.add(catchThrowableOfType(
                            Throwable.class,
                            () -> ChatTemplate.compile(template).render(Map.of()))),
                    "small stack",
                    512 * 1024);
            thread.start();
            thread.join();
        }
        assertThat(outcomes)
                .hasSize(3)
                .allSatisfy(outcome -> assertThat(outcome)
                        .isInstanceOf(TemplateException.class)
                        .hasMessageContaining("inside one another"));
    }

    @Test
    void variablesThatAreNoPlainDataAreRefusedByName() {
        assertThat(refused("x", Map.of("messages", List.of(Map.of("a", new Object())))))
                .hasMessageContaining("the variable \"messages\" is a java.lang.Object; pass only maps, lists");
        assertThat(refused("x", Map.of("m", Map.of(1, 2)))).hasMessageContaining("a key that is no text");
        List<Object> cyclic = new ArrayList<>();
        cyclic.add(cyclic);
        assertThat(refused("x", Map.of("m", cyclic))).hasMessageContaining("levels deep");
        Map<String, Object> missing = new HashMap<>();
        missing.put("m", null);
        assertThat(ChatTemplate.compile("{{ m }}").render(missing)).isEqualTo("None");
    }
}
