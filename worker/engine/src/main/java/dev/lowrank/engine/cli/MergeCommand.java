package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.AdapterOrigin;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.engine.merge.Drift;
import dev.lowrank.engine.merge.DriftMeter;
import dev.lowrank.engine.merge.MergeReport;
import dev.lowrank.engine.merge.ModelMerge;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code merge}: a base with an adapter worked in, as a model folder. */
@Command(
        name = "merge",
        mixinStandardHelpOptions = true,
        description = "Works an adapter into its base and writes the result as a model folder that any program loads;"
                + " for one trained on a 4-bit base, says how far that is from what was trained.")
final class MergeCommand implements Callable<Integer> {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,9})\\s*(KB|MB|GB|TB)?", Pattern.CASE_INSENSITIVE);

    @Parameters(paramLabel = "BASE", description = "The folder of the 16- or 32-bit base.")
    private Path base = Path.of("");

    @Option(names = "--adapter", required = true, paramLabel = "DIR", description = "The PEFT adapter folder.")
    private Path adapter = Path.of("");

    @Option(names = "--output", required = true, paramLabel = "DIR", description = "The folder to write; must be new.")
    private Path output = Path.of("");

    @Option(names = "--dtype", paramLabel = "T", description = "bf16, fp16 or fp32 for all weights (as the base has).")
    private @Nullable String type;

    @Option(names = "--shard-size", paramLabel = "S", description = "Most bytes of weights in a file (5GB).")
    private String shardSize = "5GB";

    @Option(
            names = "--probe",
            paramLabel = "FILE",
            description =
                    "Compare on the first rows of this dataset; without it, where a comparison is due, on random tokens.")
    private @Nullable Path probe;

    @Option(
            names = "--trained-on",
            paramLabel = "P",
            description = "What the base was held in when the adapter was trained: full, nf4 or nf4-double (default: as"
                    + " lowrank.json beside the adapter says, else full).")
    private @Nullable String trainedOn;

    @Option(names = "--threads", paramLabel = "N", description = "Threads to compute with (default: all cores).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--json", description = "Print one machine-readable line.")
    private boolean json;

    @Override
    public Integer call() {
        StoredType wanted = parsedType();
        long shardBytes = parsedSize();
        Precision precision = precision();
        ModelMerge.requirePossible(base, adapter, output);
        try (Kernels kernels = CpuKernels.open(threads)) {
            DriftMeter meter = precision.quantized() || probe != null
                    ? DriftMeter.begin(base, adapter, probe, precision, kernels)
                    : null;
            MergeReport report = ModelMerge.write(base, adapter, output, wanted, shardBytes, kernels);
            print(report, meter == null ? null : meter.end(output));
        }
        return 0;
    }

    private @Nullable StoredType parsedType() {
        return switch (type == null ? "" : type.toLowerCase(Locale.ROOT)) {
            case "" -> null;
            case "bf16" -> StoredType.BF16;
            case "fp16" -> StoredType.F16;
            case "fp32" -> StoredType.F32;
            default ->
                throw new InputException("--dtype is \"%s\", but only bf16, fp16 and fp32 are known.".formatted(type));
        };
    }

    private long parsedSize() {
        Matcher matcher = SIZE.matcher(shardSize.strip());
        long count = matcher.matches() ? Long.parseLong(matcher.group(1)) : 0;
        if (count < 1) {
            throw new InputException("--shard-size is \"%s\"; give a size such as 5GB or 500MB.".formatted(shardSize));
        }
        String unit = matcher.group(2) == null ? "" : matcher.group(2).toUpperCase(Locale.ROOT);
        return count
                * switch (unit) {
                    case "KB" -> 1_000L;
                    case "MB" -> 1_000_000L;
                    case "GB" -> 1_000_000_000L;
                    case "TB" -> 1_000_000_000_000L;
                    default -> 1L;
                };
    }

    private Precision precision() {
        if (trainedOn != null) {
            return switch (trainedOn) {
                case "full" -> Precision.FROZEN;
                case "nf4" -> Precision.nf4(false);
                case "nf4-double" -> Precision.nf4(true);
                default ->
                    throw new InputException("--trained-on is \"%s\", but only full, nf4 and nf4-double are known."
                            .formatted(trainedOn));
            };
        }
        AdapterOrigin origin = AdapterOrigin.read(adapter);
        return origin == null || !origin.nf4() ? Precision.FROZEN : Precision.nf4(origin.doubleQuantized());
    }

    private void print(MergeReport report, @Nullable Drift drift) {
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(line(report, drift)));
            return;
        }
        System.out.println(
                "Wrote %s: %d of %d tensors changed by the %s adapter, %s, %,d bytes in %d %s; read back and found equal."
                        .formatted(
                                report.output(),
                                report.changed(),
                                report.tensors(),
                                report.kind(),
                                report.type(),
                                report.bytes(),
                                report.shards(),
                                report.shards() == 1 ? "file" : "files"));
        report.notes().forEach(note -> System.out.println("Note: " + note + "."));
        if (drift != null) {
            print(drift);
        }
    }

    private static void print(Drift drift) {
        System.out.println("Against the adapter on its base in %s, over %,d tokens of %d %s rows:"
                .formatted(drift.trainedOn(), drift.tokens(), drift.rows(), drift.dataset() ? "given" : "random"));
        System.out.println(String.format(
                Locale.ROOT,
                "  cross-entropy %.4f as trained, %.4f merged (%+.4f)%n  logits differ by %.4f on average, %.4f at most; %.1f %% of the most likely tokens are the same",
                drift.lossAsTrained(),
                drift.lossMerged(),
                drift.lossMerged() - drift.lossAsTrained(),
                drift.meanDifference(),
                drift.largestDifference(),
                100 * drift.sameChoice()));
    }

    private static ObjectNode line(MergeReport report, @Nullable Drift drift) {
        ObjectNode line = JsonMapper.shared().createObjectNode();
        line.put("output", report.output().toString()).put("adapter", report.kind());
        line.put("type", report.type()).put("tensors", report.tensors()).put("changed", report.changed());
        line.put("files", report.shards()).put("bytes", report.bytes()).put("untied", report.untied());
        report.notes().forEach(line.putArray("notes")::add);
        if (drift != null) {
            ObjectNode measured = line.putObject("drift");
            measured.put("trained_on", drift.trainedOn()).put("dataset", drift.dataset());
            measured.put("rows", drift.rows()).put("tokens", drift.tokens());
            measured.put("loss_as_trained", drift.lossAsTrained()).put("loss_merged", drift.lossMerged());
            measured.put("mean_logit_difference", drift.meanDifference());
            measured.put("largest_logit_difference", drift.largestDifference());
            measured.put("same_choice", drift.sameChoice());
        }
        return line;
    }
}
