package dev.lowrank.engine.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChatTemplateTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2024-07-05T09:03:07.000123Z"), ZoneOffset.UTC);

    private static String render(String template, Map<String, ?> variables) {
        return ChatTemplate.compile(template).render(variables);
    }

    @Test
    void aConversationBecomesTheTextOfTheTemplate() {
        String template = """
                {%- for message in messages %}
                    {{- '[' + message.role + '] ' + message['content'] | trim + eos_token }}
                {% endfor %}
                {%- if add_generation_prompt %}
                    {{- '[assistant] ' }}
                {%- endif %}
                """;
        List<Map<String, String>> messages =
                List.of(Map.of("role", "user", "content", " Hi "), Map.of("role", "assistant", "content", "Hello"));
        assertThat(render(template, Map.of("messages", messages, "eos_token", "</s>", "add_generation_prompt", true)))
                .isEqualTo("[user] Hi</s>\n[assistant] Hello</s>\n[assistant] ");
    }

    @Test
    void theTemplatesOwnRefusalCarriesItsWords() {
        TemplateException refusal = catchThrowableOfType(
                TemplateException.class,
                () -> render("{% if true %}\n{{ raise_exception('roles must ' ~ 'alternate') }}{% endif %}", Map.of()));
        assertThat(refusal).hasMessage("The chat template refuses these messages (line 2): roles must alternate");
        assertThat(refusal.raised()).contains("roles must alternate");
        assertThat(refusal.line()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "%d %b %Y|05 Jul 2024",
                "%Y-%m-%d|2024-07-05",
                "%B %-d, %Y|July 5, 2024",
                "%A %a %y %j|Friday Fri 24 187",
                "%H:%M:%S %I %p|09:03:07 09 AM",
                "%e %f %%|5 000123 %",
                "%F %T %R %D|2024-07-05 09:03:07 09:03 07/05/24",
                "%c|Fri Jul  5 09:03:07 2024",
                "%w %u|5 5",
            })
    void strftimeNowReadsTheClockItIsGiven(String format, String expected) {
        String template = "{{ strftime_now('" + format + "') | trim }}";
        assertThat(ChatTemplate.compile(template).render(Map.of(), CLOCK)).isEqualTo(expected);
    }

    @Test
    void numbersOfEveryJavaKindPrintAsInPython() {
        List<Object> numbers = List.of(
                (byte) 1,
                (short) 2,
                3,
                4L,
                0.5f,
                1e16,
                new BigDecimal("1.50"),
                new BigInteger("7"),
                new BigInteger("123456789012345678901234567890"));
        assertThat(render("{{ n }}{{ n[8] > n[0] }}", Map.of("n", numbers)))
                .isEqualTo("[1, 2, 3, 4, 0.5, 1e+16, 1.5, 7, 123456789012345678901234567890]True");
    }

    @Test
    void changesOfVariablesAfterwardsAreNotSeenAndNothingIsChangedInside() {
        Map<String, Object> message = new LinkedHashMap<>(Map.of("role", "user"));
        List<Object> messages = new ArrayList<>(List.of(message));
        String template = "{% set messages = messages + [1] %}{{ messages | length }}";
        assertThat(render(template, Map.of("messages", messages))).isEqualTo("2");
        assertThat(messages).containsExactly(Map.of("role", "user"));
    }

    @Test
    void variablesHideFunctionsOfTheSameName() {
        assertThat(render("{{ range }}{{ dict is callable }}", Map.of("range", "mine")))
                .isEqualTo("mineTrue");
    }

    @Test
    void theSourceIsKept() {
        assertThat(ChatTemplate.compile("a\r\nb\n").source()).isEqualTo("a\r\nb\n");
    }

    @Test
    void oneTemplateRendersInSeveralThreadsAtOnce() throws Exception {
        ChatTemplate template = ChatTemplate.compile(
                "{% set ns = namespace(n=0) %}{% for i in range(500) %}{% set ns.n = ns.n + k %}{% endfor %}{{ ns.n }}");
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<String>> results = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                Map<String, Integer> variables = Map.of("k", i);
                results.add(threads.submit(() -> template.render(variables)));
            }
            for (int i = 0; i < 40; i++) {
                assertThat(results.get(i).get()).isEqualTo(Integer.toString(500 * i));
            }
        }
    }
}
