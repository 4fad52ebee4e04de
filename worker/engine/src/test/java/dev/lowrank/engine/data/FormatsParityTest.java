package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Fixture;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Rows of every conversational format through a published template with tools, against what transformers says now; needs
 * the conformance data beside the checkout and, in LOWRANK_REFERENCE_PYTHON, a Python that has transformers.
 */
class FormatsParityTest {
    private static final String ASK = """
            import json, sys
            import transformers as tf
            tok = tf.AutoTokenizer.from_pretrained(sys.argv[1])

            def objects(messages):
                messages = json.loads(json.dumps(messages))
                for m in messages:
                    for c in m.get("tool_calls") or []:
                        if isinstance(c["function"]["arguments"], str):
                            c["function"]["arguments"] = json.loads(c["function"]["arguments"])
                return messages

            def encode(m, tools=None, context=0):
                m = objects(m)
                text = lambda part, prompt: tok.apply_chat_template(part, tools=tools, tokenize=False, add_generation_prompt=prompt)
                full = text(m, False)
                spans = [(len(text(m[:i], True)), len(text(m[:i + 1], False))) for i, x in enumerate(m)
                         if i >= context and x["role"] == "assistant" and x.get("weight", 1) != 0]
                e = tok(full, add_special_tokens=False, return_offsets_mapping=True)
                labels = [t if any(s <= o[0] < z for s, z in spans) else -100 for t, o in zip(e["input_ids"], e["offset_mapping"])]
                return dict(ids=e["input_ids"], labels=labels)

            for line in open(sys.argv[2], encoding="utf-8"):
                r = json.loads(line)
                if "instruction" in r:
                    asked = r["instruction"] + ("\\n\\n" + r["input"] if r.get("input") else "")
                    out = encode([dict(role="user", content=asked), dict(role="assistant", content=r["output"])])
                elif "conversations" in r:
                    roles = dict(human="user", gpt="assistant", system="system", tool="tool")
                    out = encode([dict(role=roles[t["from"]], content=t["value"]) for t in r["conversations"]])
                elif "preferred_output" in r:
                    p, tools = r["input"]["messages"], r["input"].get("tools")
                    out = dict(chosen=encode(p + r["preferred_output"], tools, len(p)), rejected=encode(p + r["non_preferred_output"], tools, len(p)))
                elif "chosen" in r:
                    p = r["prompt"]
                    out = dict(chosen=encode(p + r["chosen"], None, len(p)), rejected=encode(p + r["rejected"], None, len(p)))
                else:
                    out = encode(r["messages"], r.get("tools"))
                print(json.dumps(out))
            """;

    private static final String TOOLS = """
            [{"type": "function", "function": {"name": "tide", "description": "High water, \\u00fcber <all> & 'more'", "parameters": {"type": "object", "properties": {"day": {"type": "integer"}, "at": {"type": "string", "enum": ["a", "b"]}}, "required": ["day"]}}}]""";

    private static final List<String> LESSONS = List.of("""
            {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "High water? 🌊"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{\\"day\\":3,\\"at\\":\\"\\u00e9 <b>\\",\\"x\\":[1.0,1e3,null,true]}"}}, {"id": "c2", "type": "function", "function": {"name": "tide", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c1", "content": "06:12"}, {"role": "tool", "tool_call_id": "c2", "content": "18:40"}, {"role": "assistant", "content": "At 06:12."}], "tools": %s, "parallel_tool_calls": true}""".formatted(TOOLS), """
            {"messages": [{"role": "user", "name": "ann", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d", "weight": 1}], "tools": null}""");
    private static final List<String> ALPACA = List.of("""
            {"instruction": "Say it.\\n", "input": "  boat ", "output": "tide 潮"}""", """
            {"instruction": "Say it.", "input": "", "output": "tide"}""");
    private static final List<String> SHAREGPT = List.of("""
            {"conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "boat"}, {"from": "gpt", "value": "tide"}, {"from": "tool", "value": "7"}, {"from": "gpt", "value": "ferry"}]}""");
    private static final List<String> PAIRS = List.of("""
            {"input": {"messages": [{"role": "user", "content": "High water?"}, {"role": "assistant", "content": "When?"}, {"role": "user", "content": "Today"}], "tools": %s}, "preferred_output": [{"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "tide", "arguments": "{\\"day\\": 3}"}}]}], "non_preferred_output": [{"role": "assistant", "content": "No idea."}]}""".formatted(TOOLS), """
            {"prompt": [{"role": "user", "content": "boat"}], "chosen": [{"role": "assistant", "content": "tide"}], "rejected": [{"role": "assistant", "content": "ferry"}]}""");

    @TempDir
    Path temporary;

    @Test
    void rowsGiveTheIdsAndLabelsOfTransformers() throws Exception {
        Path model = model();
        for (List<String> rows : List.of(LESSONS, ALPACA, SHAREGPT)) {
            Path file = Files.write(temporary.resolve("rows.jsonl"), rows);
            List<JsonNode> wanted = ask(model, file);
            try (Tokenizer tokenizer = Tokenizer.open(model)) {
                Dataset got = Dataset.load(file, DataFormat.AUTO, encoder(tokenizer), 4096, 4096);
                for (int i = 0; i < rows.size(); i++) {
                    assertSame(got.get(i), wanted.get(i), rows.get(i));
                }
            }
        }
    }

    @Test
    void pairsGiveTheIdsAndLabelsOfTransformers() throws Exception {
        Path model = model();
        Path file = Files.write(temporary.resolve("rows.jsonl"), PAIRS);
        List<JsonNode> wanted = ask(model, file);
        try (Tokenizer tokenizer = Tokenizer.open(model)) {
            PreferenceDataset got = PreferenceDataset.load(file, encoder(tokenizer), 4096, 4096);
            for (int i = 0; i < PAIRS.size(); i++) {
                assertSame(got.get(i).chosen(), wanted.get(i).get("chosen"), PAIRS.get(i));
                assertSame(got.get(i).rejected(), wanted.get(i).get("rejected"), PAIRS.get(i));
            }
        }
    }

    private static void assertSame(Example got, JsonNode wanted, String row) {
        assertThat(got.ids()).as(row).isEqualTo(Fixture.ints(wanted.get("ids")));
        assertThat(got.labels()).as(row).isEqualTo(Fixture.ints(wanted.get("labels")));
    }

    private static RowEncoder encoder(Tokenizer tokenizer) {
        return new RowEncoder(tokenizer, TemplateRenderer.of(tokenizer), TrainOn.ASSISTANT);
    }

    /** A real tokenizer with a published template that knows tools. */
    private Path model() throws IOException {
        Path source = SharedData.require("real/tiny-english");
        for (String name : List.of("tokenizer.json", "tokenizer_config.json", "config.json")) {
            Files.copy(source.resolve(name), temporary.resolve(name));
        }
        List<Map<String, Object>> samples = JsonMapper.shared()
                .readValue(
                        SharedData.require("golden/chat-templates/real-templates.json")
                                .toFile(),
                        new TypeReference<>() {});
        String template = samples.stream()
                .filter(sample -> "Qwen/Qwen2.5-7B-Instruct".equals(sample.get("name")))
                .map(sample -> (String) sample.get("chat_template"))
                .findFirst()
                .orElseThrow();
        Files.writeString(temporary.resolve("chat_template.jinja"), template);
        return temporary;
    }

    private List<JsonNode> ask(Path model, Path rows) throws IOException, InterruptedException {
        String python = System.getenv("LOWRANK_REFERENCE_PYTHON");
        assumeTrue(python != null, "LOWRANK_REFERENCE_PYTHON names no Python with transformers");
        Path answer = temporary.resolve("answer.jsonl");
        Path errors = temporary.resolve("errors.txt");
        Process process = new ProcessBuilder(python, "-c", ASK, model.toString(), rows.toString())
                .redirectOutput(answer.toFile())
                .redirectError(errors.toFile())
                .start();
        int code = process.waitFor();
        assertThat(code).as(Files.readString(errors)).isZero();
        return Files.readAllLines(answer).stream()
                .map(JsonMapper.shared()::readTree)
                .toList();
    }
}
