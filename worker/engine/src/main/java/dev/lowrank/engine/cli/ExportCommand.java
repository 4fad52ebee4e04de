package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.export.ExportReport;
import dev.lowrank.engine.export.GgufAdapterExport;
import dev.lowrank.engine.export.GgufModelExport;
import dev.lowrank.engine.export.PlainAdapterExport;
import dev.lowrank.engine.format.GgufType;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code export}: a model, or an adapter alone, as a GGUF file. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description =
                "Writes a model folder (a base or a merged one), or with --adapter the adapter alone, as a GGUF file"
                        + " for llama.cpp, and checks it by reading it back.")
final class ExportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "MODEL", description = "The folder of the model; with --adapter, of the adapter's base.")
    private Path model = Path.of("");

    @Option(names = "--adapter", paramLabel = "DIR", description = "Export this PEFT adapter instead of the model.")
    private @Nullable Path adapter;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "FILE",
            description = "The file (with --plain the folder) to write; must be new.")
    private Path output = Path.of("");

    @Option(
            names = "--type",
            paramLabel = "T",
            description = "How matrices are stored: f32, f16, bf16 or q8_0 (as the model has them; adapters in f32).")
    private @Nullable String type;

    @Option(
            names = "--without-tokenizer",
            description = "Leave the tokenizer out; the file then takes and gives ids only.")
    private boolean withoutTokenizer;

    @Option(
            names = "--plain",
            description = "Instead of a GGUF file, write the adapter as a PEFT folder with one rank and one scale, for"
                    + " servers that ignore rsLoRA and patterns.")
    private boolean plain;

    @Option(names = "--json", description = "Print one machine-readable line.")
    private boolean json;

    @Override
    public Integer call() {
        if (plain) {
            return writePlain();
        }
        if (adapter != null && withoutTokenizer) {
            throw new InputException("An adapter file holds no tokenizer; leave --without-tokenizer out.");
        }
        print(
                adapter == null
                        ? GgufModelExport.write(model, output, parsed(type), !withoutTokenizer)
                        : GgufAdapterExport.write(model, adapter, output, parsed(type)));
        return 0;
    }

    private int writePlain() {
        if (adapter == null || type != null || withoutTokenizer) {
            throw new InputException("--plain takes --adapter and --output, and no --type or --without-tokenizer.");
        }
        int rank = PlainAdapterExport.write(adapter, output);
        System.out.println(
                json
                        ? JsonMapper.shared()
                                .writeValueAsString(JsonMapper.shared()
                                        .createObjectNode()
                                        .put("folder", output.toString())
                                        .put("rank", rank))
                        : "Wrote %s: every layer with rank %d and scale 1; read back and found equal."
                                .formatted(output, rank));
        return 0;
    }

    private static @Nullable GgufType parsed(@Nullable String type) {
        if (type == null) {
            return null;
        }
        return switch (type.toLowerCase(Locale.ROOT)) {
            case "f32" -> GgufType.F32;
            case "f16" -> GgufType.F16;
            case "bf16" -> GgufType.BF16;
            case "q8_0" -> GgufType.Q8_0;
            default ->
                throw new InputException(
                        "--type is \"%s\", but only f32, f16, bf16 and q8_0 are known.".formatted(type));
        };
    }

    private void print(ExportReport report) {
        if (json) {
            ObjectNode line = JsonMapper.shared().createObjectNode();
            line.put("file", report.file().toString()).put("architecture", report.architecture());
            line.put("type", report.type().toString()).put("tensors", report.tensors());
            line.put("bytes", report.bytes());
            report.notes().forEach(line.putArray("notes")::add);
            System.out.println(JsonMapper.shared().writeValueAsString(line));
            return;
        }
        System.out.println("Wrote %s: %s for %s, %d tensors, %s, %,d bytes; read back and found equal."
                .formatted(
                        report.file(),
                        adapter == null ? "a model" : "an adapter",
                        report.architecture(),
                        report.tensors(),
                        report.type(),
                        report.bytes()));
        report.notes().forEach(note -> System.out.println("Note: " + note + "."));
    }
}
