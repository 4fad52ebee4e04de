package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufType;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.GgufWriter;
import dev.lowrank.engine.format.JsonFile;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.Refusal;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes a PEFT LoRA adapter as a GGUF adapter, which llama.cpp applies to the base in GGUF. */
public final class GgufAdapterExport {
    private static final int LARGEST_CONFIG = 4 << 20;

    private final Family family;
    private final Dimensions dimensions;
    private final LoraSource adapter;
    private final GgufType type;

    private GgufAdapterExport(Family family, Dimensions dimensions, LoraSource adapter, GgufType type) {
        this.family = family;
        this.dimensions = dimensions;
        this.adapter = adapter;
        this.type = type;
    }

    /**
     * Writes and checks a file. llama.cpp multiplies by one alpha over the rank of each pair; whatever PEFT's scale of a
     * module differs from that is multiplied into its B.
     *
     * @param base the folder of the model the adapter was trained on; only its {@code config.json} is read
     * @param type F32 (also when null), F16 or BF16
     * @throws InputException if the adapter cannot be expressed as GGUF or does not fit the base, or the file is there
     *     already
     * @throws UncheckedIOException if the disk fails or is full
     */
    public static ExportReport write(Path base, Path adapterFolder, Path output, @Nullable GgufType type) {
        GgufDraft.checkFree(output);
        GgufType chosen = type == null ? GgufType.F32 : type;
        if (chosen == GgufType.Q8_0) {
            throw new InputException(
                    "An adapter is small and is not stored as q8_0; export it with --type f32, f16 or bf16.");
        }
        Path file = base.resolve("config.json");
        Settings config = new Settings(file, JsonFile.read(file, LARGEST_CONFIG));
        Family family = Family.of(config);
        Dimensions dimensions = Dimensions.read(family, config);
        try (LoraSource adapter = LoraSource.open(adapterFolder)) {
            GgufAdapterExport export = new GgufAdapterExport(family, dimensions, adapter, chosen);
            List<PlannedTensor> tensors = export.tensors();
            long bytes = GgufDraft.publish(output, export.keys(), tensors);
            return new ExportReport(output, family.architecture(), chosen, tensors.size(), bytes, List.of());
        }
    }

    private Map<String, GgufValue> keys() {
        Map<String, GgufValue> keys = new LinkedHashMap<>();
        keys.put("general.architecture", GgufValue.text(family.architecture()));
        keys.put("general.type", GgufValue.text("adapter"));
        keys.put("general.name", GgufValue.text(GgufModelExport.nameOf(adapter.path())));
        keys.put("general.file_type", GgufValue.u32(GgufModelExport.fileType(type)));
        keys.put("general.quantization_version", GgufValue.u32(2));
        keys.put("adapter.type", GgufValue.text("lora"));
        keys.put("adapter.lora.alpha", GgufValue.f32(adapter.alpha()));
        return keys;
    }

    private List<PlannedTensor> tensors() {
        List<PlannedTensor> tensors = new ArrayList<>();
        adapter.ranks().forEach((module, rank) -> {
            Family.Place place = place(module);
            long in = adapter.in(module);
            long out = adapter.out(module);
            StoredMatrix a = adapter.a(module);
            tensors.add(checked(place.target() + ".lora_a", new long[] {rank, in}, module + ".lora_A.weight", a::row));
            tensors.add(checked(
                    place.target() + ".lora_b",
                    new long[] {out, rank},
                    module + ".lora_B.weight",
                    rowsOfB(place, adapter.b(module), foldedScale(module, rank))));
        });
        return tensors;
    }

    private PlannedTensor checked(String name, long[] shape, String source, GgufWriter.Rows rows) {
        return PlannedTensor.checked(name, type, shape, adapter.path().resolve(PeftFolder.WEIGHTS), source, rows);
    }

    private Family.Place place(String module) {
        Family.Place place = family.place(module);
        if (place == null || place.block() >= dimensions.blocks()) {
            throw refuse(module, "which the base does not have in GGUF; name the base it was trained on");
        }
        if (place.block() < 0 && dimensions.tiedHead()) {
            throw refuse(
                    module,
                    "but the base's head is its embedding table, and llama.cpp cannot adapt one without the other; merge the"
                            + " adapter and export the whole model");
        }
        long[] shape = dimensions.shape(family, place.part());
        if (adapter.out(module) != shape[0] || adapter.in(module) != shape[1]) {
            throw refuse(
                    module,
                    "as %d x %d where the base has %d x %d; name the base it was trained on"
                            .formatted(adapter.out(module), adapter.in(module), shape[0], shape[1]));
        }
        return place;
    }

    private InputException refuse(String module, String problem) {
        return Refusal.of(adapter.path(), "adapts %s, %s".formatted(Refusal.quoted(module), problem));
    }

    /** PEFT's scale over what llama.cpp will multiply by; 1 for a plain adapter. */
    private double foldedScale(String module, int rank) {
        return adapter.scale(module) / (adapter.alpha() / rank);
    }

    private GgufWriter.Rows rowsOfB(Family.Place place, StoredMatrix b, double factor) {
        int width = dimensions.headWidth();
        boolean neighbours = family.turnsNeighbours(place.part());
        return (row, values) -> {
            b.row(neighbours ? Dimensions.neighbourRow(row, width) : row, values);
            if (factor != 1) {
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (values[i] * factor);
                }
            }
        };
    }
}
