package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufType;
import dev.lowrank.engine.format.GgufWriter;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Refusal;
import dev.lowrank.engine.format.TensorInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Which tensors a GGUF file gets from a model folder, and how each is laid out. Nothing of the folder is left over. */
final class ModelTensors {
    private final ModelFolder model;
    private final Family family;
    private final Dimensions dimensions;
    private final GgufType type;
    private final Set<String> used = new HashSet<>();
    private final List<PlannedTensor> tensors = new ArrayList<>();

    private ModelTensors(ModelFolder model, Family family, Dimensions dimensions, GgufType type) {
        this.model = model;
        this.family = family;
        this.dimensions = dimensions;
        this.type = type;
    }

    /**
     * @param type of the matrices; vectors and learned positions are F32, and a matrix whose rows Q8_0 cannot divide is F16
     * @param factors tensors of numbers that are not in the folder
     * @throws InputException if a tensor is missing, has another shape than the configuration says, or has no place in GGUF
     */
    static List<PlannedTensor> plan(
            ModelFolder model, Family family, Dimensions dimensions, GgufType type, Map<String, float[]> factors) {
        ModelTensors plan = new ModelTensors(model, family, dimensions, type);
        plan.outside();
        factors.forEach(plan::addFactors);
        for (int block = 0; block < dimensions.blocks(); block++) {
            plan.block(block);
        }
        plan.refuseRest();
        return plan.tensors;
    }

    private void outside() {
        long[] table = {dimensions.vocabulary(), dimensions.width()};
        add(family.embedding() + ".weight", "token_embd.weight", table);
        if (family == Family.GPT2) {
            add("transformer.wpe.weight", "position_embd.weight", new long[] {dimensions.positions(), dimensions.width()
            });
        }
        add(family.lastNorm() + ".weight", "output_norm.weight", new long[] {dimensions.width()});
        if (family == Family.GPT2) {
            add(family.lastNorm() + ".bias", "output_norm.bias", new long[] {dimensions.width()});
        }
        if (!dimensions.tiedHead()) {
            add("lm_head.weight", "output.weight", table);
        } else if (family == Family.OLMO2) {
            // llama.cpp takes no tied head here, so the table is written a second time.
            add(family.embedding() + ".weight", "output.weight", table);
        }
    }

    private void addFactors(String name, float[] values) {
        tensors.add(new PlannedTensor(
                name,
                GgufType.F32,
                new long[] {values.length},
                (row, target) -> System.arraycopy(values, 0, target, 0, values.length)));
    }

    private void block(int block) {
        family.parts().forEach((part, target) -> {
            String source = family.blocks() + block + "." + part;
            String name = "blk." + block + "." + target;
            long[] shape = dimensions.shape(family, target);
            add(source + ".weight", name + ".weight", shape);
            boolean there = model.tensorNames().contains(sourceName(source + ".bias"));
            if (family.mustHaveBias(target) || there && family.mayHaveBias(target)) {
                add(source + ".bias", name + ".bias", new long[] {shape[0]});
            }
        });
    }

    private void add(String sourceTensor, String target, long[] shape) {
        String source = sourceName(sourceTensor);
        TensorInfo info = model.info(source);
        String part = target.replaceAll("^blk\\.[0-9]+\\.|\\.[a-z]+$", "");
        boolean transposed = shape.length == 2 && target.startsWith("blk.") && family.storesTransposed(part);
        long[] stored = transposed ? new long[] {shape[1], shape[0]} : shape;
        if (!info.dtype().readableAsFloats() || !Arrays.equals(info.shape(), stored)) {
            throw Refusal.of(
                    model.path(),
                    "holds %s as %s %s where config.json asks for numbers of shape %s; take both from the same model"
                            .formatted(
                                    Refusal.quoted(source),
                                    info.dtype(),
                                    Arrays.toString(info.shape()),
                                    Arrays.toString(stored)));
        }
        used.add(source);
        tensors.add(PlannedTensor.checked(
                target, typeOf(target, shape), shape, model.path(), source, rows(source, target, part, transposed)));
    }

    private GgufWriter.Rows rows(String source, String target, String part, boolean transposed) {
        StoredMatrix matrix = StoredMatrix.of(model, source);
        if (transposed) {
            return matrix::column;
        }
        if (family.addsOne(target)) {
            return (row, values) -> {
                matrix.row(row, values);
                for (int i = 0; i < values.length; i++) {
                    values[i] += 1;
                }
            };
        }
        if (!family.turnsNeighbours(part)) {
            return matrix::row;
        }
        int width = dimensions.headWidth();
        return target.endsWith(".bias")
                ? (row, values) -> turnBias(matrix, width, values)
                : (row, values) -> matrix.row(Dimensions.neighbourRow(row, width), values);
    }

    private static void turnBias(StoredMatrix bias, int headWidth, float[] values) {
        float[] stored = new float[values.length];
        bias.row(0, stored);
        for (int i = 0; i < values.length; i++) {
            values[i] = stored[(int) Dimensions.neighbourRow(i, headWidth)];
        }
    }

    private GgufType typeOf(String target, long[] shape) {
        if (shape.length == 1 || target.equals("position_embd.weight")) {
            return GgufType.F32;
        }
        return shape[1] % type.block() == 0 ? type : GgufType.F16;
    }

    /** GPT-2 is found with and without the leading {@code transformer.}. */
    private String sourceName(String name) {
        String bare = family == Family.GPT2 ? name.replaceFirst("^transformer\\.", "") : name;
        return model.tensorNames().contains(bare) ? bare : name;
    }

    private void refuseRest() {
        Set<String> rest = new TreeSet<>(model.tensorNames());
        rest.removeAll(used);
        rest.removeIf(this::changesNothing);
        if (!rest.isEmpty()) {
            throw Refusal.of(
                    model.path(),
                    "holds %s, which has no place in a GGUF file of this family; export a model without it"
                            .formatted(Refusal.quoted(rest.iterator().next())));
        }
    }

    private boolean changesNothing(String name) {
        return name.endsWith(".rotary_emb.inv_freq")
                || family == Family.GPT2 && (name.endsWith(".attn.bias") || name.endsWith(".attn.masked_bias"))
                || dimensions.tiedHead() && name.equals("lm_head.weight");
    }
}
