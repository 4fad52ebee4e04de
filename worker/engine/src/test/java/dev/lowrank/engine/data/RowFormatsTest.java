package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Fixture;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RowFormatsTest {
    @TempDir
    Path temporary;

    private final Tokenizer tokenizer = Fixture.open();

    @AfterEach
    void close() {
        tokenizer.close();
    }

    @Test
    void alpacaIsAConversationWhereTheBaseHasATemplate() throws IOException {
        assertThat(marked(DataFormat.ALPACA, """
                        {"instruction": "Say it.", "input": "boat", "output": "tide", "text": "Below is an instruction"}"""))
                .isEqualTo("<|bos|><|user|>Say it.\n\nboat<|end|><|assistant|>⟦tide<|end|>⟧");
        assertThat(marked(DataFormat.ALPACA, """
                        {"instruction": "Say it.", "input": "", "output": "tide"}""")).isEqualTo("<|bos|><|user|>Say it.<|end|><|assistant|>⟦tide<|end|>⟧");
        assertThat(marked(DataFormat.ALPACA, """
                        {"instruction": "Say it.", "input": null, "output": "tide", "system": "", "history": []}""")).isEqualTo("<|bos|><|user|>Say it.<|end|><|assistant|>⟦tide<|end|>⟧");
    }

    @Test
    void alpacaIsItsOwnPromptWhereTheBaseHasNoTemplate() throws IOException {
        assertThat(marked(new RowEncoder(tokenizer, null, TrainOn.ASSISTANT), """
                        {"instruction": "Say it.", "input": "boat", "output": "tide"}"""))
                .isEqualTo("Below is an instruction that describes a task, paired with an input that provides further"
                        + " context. Write a response that appropriately completes the request.\n\n### Instruction:\nSay"
                        + " it.\n\n### Input:\nboat\n\n### Response:\n⟦tide<|eos|>⟧");
        assertThat(marked(new RowEncoder(tokenizer, null, TrainOn.ASSISTANT), """
                        {"instruction": "Say it.", "output": "tide"}"""))
                .isEqualTo(
                        "Below is an instruction that describes a task. Write a response that appropriately completes"
                                + " the request.\n\n### Instruction:\nSay it.\n\n### Response:\n⟦tide<|eos|>⟧");
    }

    @Test
    void shareGptIsAConversation() throws IOException {
        assertThat(marked(DataFormat.SHAREGPT, """
                        {"id": "x_0", "conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "boat"}, {"from": "gpt", "value": "tide", "weight": 0}, {"from": "tool", "value": "7"}, {"from": "gpt", "value": "ferry"}]}"""))
                .isEqualTo(
                        "<|bos|><|system|>Be brief.<|end|><|user|>boat<|end|><|assistant|>tide<|end|><|tool|>7<|end|>"
                                + "<|assistant|>⟦ferry<|end|>⟧");
        assertThat(marked(DataFormat.SHAREGPT, """
                        {"system": "Be brief.", "conversations": [{"role": "user", "content": "boat"}, {"role": "assistant", "content": "tide"}]}"""))
                .isEqualTo("<|bos|><|system|>Be brief.<|end|><|user|>boat<|end|><|assistant|>⟦tide<|end|>⟧");
    }

    @Test
    void callsInShareGptAreToolCalls() throws IOException {
        RowEncoder encoder = new RowEncoder(
                tokenizer,
                TemplateRenderer.compile(
                        "{% for m in messages %}{{ m.role }}={{ m.content }}{{ m.tool_calls | tojson if m.tool_calls }};"
                                + "{% endfor %}{% if add_generation_prompt %}assistant={% endif %}",
                        java.util.Map.of()),
                TrainOn.ASSISTANT);
        assertThat(marked(encoder, """
                        {"conversations": [{"from": "human", "value": "boat"}, {"from": "function_call", "value": "{\\"name\\": \\"tide\\", \\"arguments\\": {\\"day\\": 3}}"}, {"from": "observation", "value": "7"}, {"from": "gpt", "value": "ferry"}], "tools": "[{\\"type\\": \\"function\\"}]"}"""))
                .isEqualTo("user=boat;assistant=⟦None[{\"type\": \"function\", \"function\": {\"name\": \"tide\","
                        + " \"arguments\": {\"day\": 3}}}];⟧tool=7;assistant=⟦ferry;⟧");
    }

    @Test
    void openAiRowsWithToolsAreWrittenAsTheTemplateWritesThem() throws IOException {
        String template =
                "{% for t in tools or [] %}[{{ t.function.name }}]{% endfor %}{% for m in messages %}{{ m.role }}:"
                        + "{% if m.name is defined %}({{ m.name }}){% endif %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}"
                        + "<{{ c.function.name }} {{ c.function.arguments | tojson }}>{% endfor %}|{% endfor %}"
                        + "{% if add_generation_prompt %}assistant:{% endif %}";
        RowEncoder encoder =
                new RowEncoder(tokenizer, TemplateRenderer.compile(template, java.util.Map.of()), TrainOn.ASSISTANT);
        assertThat(marked(encoder, """
                        {"messages": [{"role": "developer", "content": "x"}, {"role": "user", "name": "ann", "content": "boat"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{\\"day\\":3, \\"at\\": [1.0, \\"é\\"]}"}}]}, {"role": "tool", "tool_call_id": "c1", "content": "7"}, {"role": "assistant", "content": "ferry", "weight": 0}, {"role": "assistant", "content": "pier", "weight": 1}], "tools": [{"type": "function", "function": {"name": "tide", "parameters": {}}}], "parallel_tool_calls": true}"""))
                .isEqualTo(
                        "[tide]developer:x|user:(ann)boat|assistant:⟦<tide {\"day\": 3, \"at\": [1.0, \"é\"]}>|⟧tool:7|"
                                + "assistant:ferry|assistant:⟦pier|⟧");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"instruction\": \"a\", \"output\": \"b\"}",
                "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, {\"from\": \"gpt\", \"value\": \"b\"}]}",
                "{\"input\": {\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}, \"preferred_output\": [{\"role\": \"assistant\", \"content\": \"b\"}], \"non_preferred_output\": [{\"role\": \"assistant\", \"content\": \"c\"}]}",
                "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}",
                "{\"chosen\": \"a b\", \"rejected\": \"a c\"}",
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"b\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"c\"}]}",
                "{\"prompt\": \"a\", \"messages\": [], \"chosen\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}], \"rejected\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"c\"}]}",
                "{\"chosen\": {\"input_ids\": [1, 2], \"labels\": [-100, 2]}, \"rejected\": {\"input_ids\": [1, 3], \"labels\": [-100, 3]}}",
            })
    void soundRowsOfEveryFormatPassTheCheck(String row) throws IOException {
        assertThat(check(row).problems()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"instruction\": \"a\"} | output is missing; add it as a string.",
                "{\"instruction\": \"a\", \"output\": \"\"} | output is empty, so there is nothing to learn; write it or drop the row.",
                "{\"instruction\": \"\", \"output\": \"b\"} | instruction is empty; write what the model is asked, or drop the row.",
                "{\"instruction\": 7, \"output\": \"b\"} | instruction is a number; write a string.",
                "{\"instruction\": \"a\", \"input\": [1], \"output\": \"b\"} | input is a list; write a string.",
                "{\"instruction\": \"a\", \"output\": \"b\", \"history\": [[\"c\", \"d\"]]} | history is not part of Alpaca's format here; write the row as {\"messages\"}, where it has its place.",
                "{\"instruction\": \"a\", \"output\": \"b\", \"system\": \"c\"} | system is not part of Alpaca's format here; write the row as {\"messages\"}, where it has its place.",
                "{\"conversations\": 7} | conversations is a number; write a list of turns {\"from\", \"value\"}.",
                "{\"conversations\": []} | conversations is empty; write a list of turns {\"from\", \"value\"}.",
                "{\"conversations\": [7]} | conversations[0] is a number; write an object with \"from\" and \"value\".",
                "{\"conversations\": [{\"from\": \"human\"}]} | conversations[0].value is missing; write a string.",
                "{\"conversations\": [{\"from\": \"bot\", \"value\": \"a\"}]} | conversations[0].from is \"bot\"; use one of assistant, chatgpt, function_response, gpt, human, model, observation, system, tool, tool_response, user, function_call.",
                "{\"conversations\": [{\"value\": \"a\"}]} | conversations[0].from is missing; use one of assistant, chatgpt, function_response, gpt, human, model, observation, system, tool, tool_response, user, function_call.",
                "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\", \"weight\": 0}]} | conversations[0].weight stands on a user message; only assistant messages carry loss, so remove it.",
                "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}]} | messages has no assistant message, so there is no answer to learn; add one.",
                "{\"conversations\": [{\"from\": \"function_call\", \"value\": \"tide()\"}]} | conversations[0].value is not a call; write {\"name\": …, \"arguments\": {…}} as JSON, or make the turn one of \"gpt\".",
                "{\"conversations\": [{\"role\": \"bot\", \"content\": \"a\"}]} | conversations[0].role is \"bot\"; use one of system, user, assistant, tool, developer, function.",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}], \"tools\": \"none\"} | tools is a string; write a list of tools or drop it.",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}], \"tools\": [7]} | tools[0] is a number; write an object with \"type\" and \"function\".",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}], \"parallel_tool_calls\": \"no\"} | parallel_tool_calls is \"no\"; write true or false.",
                "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": []}]} | messages[0] has neither content nor tool_calls; add what the assistant shall answer.",
                "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": 7}]} | messages[0].tool_calls is a number; write a list of calls or drop it.",
                "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [7]}]} | messages[0].tool_calls[0] is a number; write an object with \"id\", \"type\" and \"function\".",
                "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"arguments\": \"{}\"}}]}]} | messages[0].tool_calls[0].function has no name; write {\"name\": …, \"arguments\": …} with the function's name as a string.",
                "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": \"{1}\"}}]}]} | messages[0].tool_calls[0].function.arguments is not a JSON object; write a JSON object, or one as a string (\"{\\\"city\\\": \\\"Rome\\\"}\").",
                "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": \"[1]\"}}]}]} | messages[0].tool_calls[0].function.arguments is not a JSON object; write a JSON object, or one as a string (\"{\\\"city\\\": \\\"Rome\\\"}\").",
                "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"name\": \"f\", \"arguments\": [1]}]}]} | messages[0].tool_calls[0].arguments is a list; write a JSON object, or one as a string (\"{\\\"city\\\": \\\"Rome\\\"}\").",
                "{\"chosen\": \"a\"} | rejected is missing; a pair needs both of its answers.",
                "{\"chosen\": null, \"rejected\": \"a\"} | chosen is null; a pair needs both of its answers.",
                "{\"chosen\": \"a\", \"rejected\": [7]} | rejected is a list, but chosen is a string; write both alike.",
                "{\"chosen\": 1, \"rejected\": 2} | chosen is a number; write a string, a list of messages, or {\"input_ids\", \"labels\"}.",
                "{\"prompt\": \"p\", \"chosen\": \"a\", \"rejected\": \"a\"} | rejected is the same as chosen, so there is nothing to prefer; change one, or drop the row.",
                "{\"prompt\": [], \"chosen\": \"a\", \"rejected\": \"b\"} | prompt is a list, but chosen is a string; write all three as text or all as messages.",
                "{\"prompt\": \"p\", \"chosen\": \"a\", \"rejected\": \"\"} | rejected has nothing to learn after what both answers share; write the answer, or drop the row.",
                "{\"prompt\": [], \"chosen\": [{\"role\": \"assistant\", \"content\": \"a\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"b\"}]} | prompt is empty; write at least one message.",
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"p\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"a\"}], \"rejected\": [{\"role\": \"user\", \"content\": \"b\"}]} | rejected has no assistant message to learn after what both answers share; add one, or drop the row.",
                "{\"chosen\": [{\"role\": \"assistant\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"b\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"a\"}]} | chosen has no assistant message to learn after what both answers share; add one, or drop the row.",
                "{\"chosen\": {\"input_ids\": [1, 2], \"labels\": [1]}, \"rejected\": {\"input_ids\": [1], \"labels\": [1]}} | chosen.labels has 1 entries, but input_ids has 2; give each token one label (-100 for none).",
                "{\"chosen\": {\"input_ids\": [1, 2], \"labels\": [1, 2]}, \"rejected\": {\"labels\": [1]}} | rejected.input_ids is missing; write a list of token ids.",
                "{\"preferred_output\": [], \"non_preferred_output\": []} | input is missing; write an object with \"messages\".",
                "{\"input\": {}, \"preferred_output\": [1], \"non_preferred_output\": [2]} | input.messages is missing; write a list of messages.",
                "{\"input\": {\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}, \"preferred_output\": [{\"role\": \"assistant\", \"content\": \"b\"}]} | non_preferred_output is missing; a pair needs both of its answers.",
                "{\"input\": {\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}, \"preferred_output\": [{\"role\": \"assistant\", \"content\": \"b\"}], \"non_preferred_output\": [{\"role\": \"assistant\", \"content\": 7}]} | non_preferred_output[0].content is a number; write a string or a list of content parts.",
            })
    void problemIsToldWithFieldAndRemedy(String row, String problem) throws IOException {
        assertThat(check(row).problems()).extracting(RowProblem::problem).containsExactly(problem);
    }

    @ParameterizedTest
    @CsvSource({
        "ALPACA, {\"messages\": []}, chat",
        "SHAREGPT, {\"text\": \"a\"}, text",
        "CHAT, {\"chosen\": \"a\"}, preference"
    })
    void formatNamedIsTheFormatWanted(DataFormat wanted, String row, String found) throws IOException {
        DatasetReport report = DatasetCheck.check(stream(row), null, wanted, DatasetLimits.DEFAULT);
        assertThat(report.problems())
                .extracting(RowProblem::problem)
                .containsExactly("The row is of format %s, but this file's format is %s; keep one format a file."
                        .formatted(found, wanted.key()));
    }

    @Test
    void repetitionsAreCounted() throws IOException {
        String a = "{\"instruction\": \"a\", \"output\": \"b\"}\n";
        String b = "{\"instruction\": \"a\", \"output\": \"c\"}\n";
        assertThat(check(a + b + a + "{ \"output\": \"c\", \"instruction\": \"a\" }")
                        .duplicates())
                .isEqualTo(2);
        SeenRows seen = new SeenRows();
        for (int i = 0; i < 20_000; i++) {
            seen.add(new Row.Text("row " + i % 15_000));
        }
        assertThat(seen.repeated()).isEqualTo(5_000);
    }

    private String marked(DataFormat format, String row) throws IOException {
        assertThat(check(row).format()).isEqualTo(format);
        return marked(new RowEncoder(tokenizer, new TagRenderer(), TrainOn.ASSISTANT), row);
    }

    private String marked(RowEncoder encoder, String row) throws IOException {
        Path file = Files.writeString(temporary.resolve("rows.jsonl"), row);
        DatasetPreview preview = DatasetPreview.of(file, DataFormat.AUTO, encoder, 1024, 0, 1);
        assertThat(preview.problems()).isEmpty();
        StringBuilder text = new StringBuilder();
        for (Piece piece : preview.views().getFirst().pieces()) {
            text.append(piece.fate() == Piece.Fate.TRAINED ? "⟦" + piece.text() + "⟧" : piece.text());
        }
        return text.toString();
    }

    private static DatasetReport check(String file) throws IOException {
        return DatasetCheck.check(stream(file), null, DataFormat.AUTO, DatasetLimits.DEFAULT);
    }

    private static ByteArrayInputStream stream(String file) {
        return new ByteArrayInputStream(file.getBytes(StandardCharsets.UTF_8));
    }
}
