package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import dev.lowrank.kernels.Nf4;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * The weights of a folder that bitsandbytes has quantized to 4 bits. Beside such a weight lie tensors that extend its
 * name: {@code .absmax}, {@code .quant_map}, {@code .nested_absmax}, {@code .nested_quant_map} and the JSON text
 * {@code .quant_state.bitsandbytes__nf4}.
 */
final class Nf4Checkpoint {
    private static final String ANY_STATE = ".quant_state.bitsandbytes__";
    private static final List<String> SIDES =
            List.of(".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", Nf4Weight.STATE);
    private static final int LARGEST_STATE = 1 << 14;
    private static final int MOST_NESTED = 4096;
    private static final Set<String> FIELDS =
            Set.of("quant_type", "blocksize", "dtype", "shape", "nested_blocksize", "nested_dtype", "nested_offset");
    private static final Set<String> DTYPES = Set.of("float32", "bfloat16", "float16");
    private static final Set<StoredType> STORAGE =
            Set.of(StoredType.U8, StoredType.I8, StoredType.BF16, StoredType.F16, StoredType.F32, StoredType.F64);
    private static final String AGAIN = "; download the folder again or quantize the model anew";

    private final Path folder;
    private final Set<String> weights;
    private final Set<String> sides;

    private Nf4Checkpoint(Path folder, Set<String> weights, Set<String> sides) {
        this.folder = folder;
        this.weights = weights;
        this.sides = sides;
    }

    /**
     * Finds the quantized weights among a folder's tensors.
     *
     * @throws InputException if some are quantized in another way, or a weight is missing
     */
    static Nf4Checkpoint of(Path folder, Collection<String> tensors) {
        Set<String> weights = new TreeSet<>();
        Set<String> sides = new TreeSet<>();
        for (String name : tensors) {
            int end = name.lastIndexOf(ANY_STATE);
            if (end < 0) {
                continue;
            }
            String weight = name.substring(0, end);
            if (!name.endsWith(Nf4Weight.STATE)) {
                throw Refusal.of(
                        folder,
                        "holds weight %s quantized as %s, which is not supported; use a copy quantized as nf4 or not at all"
                                .formatted(
                                        Refusal.quoted(weight),
                                        Refusal.quoted(name.substring(end + ANY_STATE.length()))));
            }
            if (!tensors.contains(weight)) {
                throw Refusal.of(
                        folder,
                        "holds tensor %s but not the weight it describes".formatted(Refusal.quoted(name)) + AGAIN);
            }
            weights.add(weight);
            SIDES.forEach(side -> sides.add(weight + side));
        }
        return new Nf4Checkpoint(folder, weights, sides);
    }

    boolean isWeight(String name) {
        return weights.contains(name);
    }

    /** Whether a tensor only describes a weight. */
    boolean isSide(String name) {
        return sides.contains(name);
    }

    /** Reads and checks one weight. */
    Nf4Weight read(String name, ModelFolder tensors) {
        return new Reading(name, tensors).weight();
    }

    /** One reading of one weight. */
    private final class Reading {
        private final String name;
        private final ModelFolder tensors;
        private final JsonNode state;

        Reading(String name, ModelFolder tensors) {
            this.name = name;
            this.tensors = tensors;
            this.state = state();
        }

        Nf4Weight weight() {
            for (String field : state.propertyNames()) {
                require(FIELDS.contains(field), "has the unknown field %s", Refusal.quoted(field));
            }
            String type = text("quant_type");
            require(type.equals("nf4"), "says quant_type %s where \"nf4\" belongs", Refusal.quoted(type));
            String dtype = text("dtype");
            require(
                    DTYPES.contains(dtype),
                    "says dtype %s, which is not float32, bfloat16 or float16",
                    Refusal.quoted(dtype));
            int blockSize = whole(state.path("blocksize"), "blocksize", 4096);
            require(
                    Nf4.isBlockSize(blockSize),
                    "says blocksize %s, which is no power of two from 32 to 4096",
                    blockSize);
            JsonNode shape = state.path("shape");
            require(shape.isArray() && shape.size() == 2, "says shape %s, which is not a matrix's", shown(shape));
            long rows = whole(shape.path(0), "shape", Integer.MAX_VALUE);
            long columns = whole(shape.path(1), "shape", Integer.MAX_VALUE);
            MemorySegment packed = packed(rows, columns);
            checkCodes();
            long blocks = Math.ceilDiv(rows * columns, blockSize);
            if (state.has("nested_offset") || state.has("nested_blocksize")) {
                return new Nf4Weight(name, rows, columns, blockSize, dtype, packed, null, nested(blocks));
            }
            if (tensors.holds(name + ".nested_absmax")) {
                throw refuse("has nested scales that its quant_state does not mention");
            }
            return new Nf4Weight(name, rows, columns, blockSize, dtype, packed, floats(".absmax", blocks), null);
        }

        private JsonNode state() {
            TensorInfo info = info(Nf4Weight.STATE, StoredType.U8, null);
            if (info.count() > LARGEST_STATE) {
                throw refuse("has a quant_state of %d bytes, more than the %d allowed"
                        .formatted(info.count(), LARGEST_STATE));
            }
            byte[] json = tensors.bytes(info.name()).toArray(ValueLayout.JAVA_BYTE);
            try {
                JsonNode node = JsonFile.parse(json);
                if (!node.isObject()) {
                    throw refuse("has a quant_state that is not a JSON object");
                }
                return node;
            } catch (JacksonException e) {
                throw Refusal.of(
                        folder,
                        "holds weight %s that has a quant_state of unsound JSON".formatted(Refusal.quoted(name))
                                + AGAIN,
                        e);
            }
        }

        private MemorySegment packed(long rows, long columns) {
            TensorInfo info = tensors.info(name);
            long bytes = info.end() - info.begin();
            long needed = Math.ceilDiv(rows * columns, 2);
            if (!STORAGE.contains(info.dtype()) || bytes != needed) {
                throw refuse("is stored as %s in %d bytes where its shape [%d, %d] needs %d"
                        .formatted(info.dtype(), bytes, rows, columns, needed));
            }
            return tensors.bytes(name);
        }

        private void checkCodes() {
            float[] expected = Nf4.codes();
            MemorySegment codes = floats(".quant_map", expected.length);
            for (int i = 0; i < expected.length; i++) {
                if (codes.get(Nf4Weight.FLOAT, (long) i * Float.BYTES) != expected[i]) {
                    throw refuse("has a quant_map other than NF4's");
                }
            }
        }

        private Nf4Weight.Nested nested(long blocks) {
            int block = whole(state.path("nested_blocksize"), "nested_blocksize", MOST_NESTED);
            String dtype = text("nested_dtype");
            require(dtype.equals("float32"), "says nested_dtype %s where \"float32\" belongs", Refusal.quoted(dtype));
            JsonNode offset = state.path("nested_offset");
            require(
                    offset.isNumber() && Float.isFinite((float) offset.doubleValue()),
                    "says nested_offset %s where a number belongs",
                    shown(offset));
            info(".absmax", StoredType.U8, blocks);
            return new Nf4Weight.Nested(
                    tensors.bytes(name + ".absmax"),
                    floats(".nested_absmax", Math.ceilDiv(blocks, block)),
                    floats(".nested_quant_map", Nf4.MAP_SIZE),
                    (float) offset.doubleValue(),
                    block);
        }

        /** A side tensor of so many finite fp32 numbers. */
        private MemorySegment floats(String side, long count) {
            info(side, StoredType.F32, count);
            MemorySegment values = tensors.bytes(name + side);
            for (long at = 0; at < values.byteSize(); at += Float.BYTES) {
                if (!Float.isFinite(values.get(Nf4Weight.FLOAT, at))) {
                    throw refuse("has %s with a number that is not finite".formatted(side.substring(1)));
                }
            }
            return values;
        }

        private TensorInfo info(String side, StoredType dtype, @Nullable Long count) {
            String full = name + side;
            if (!tensors.holds(full)) {
                throw refuse("lacks its %s".formatted(side.substring(1)));
            }
            TensorInfo info = tensors.info(full);
            if (info.dtype() != dtype || count != null && info.count() != count) {
                throw refuse("has %s as %s %s where %s%s belongs"
                        .formatted(
                                side.substring(1),
                                info.dtype(),
                                List.of(info.count()),
                                dtype,
                                count == null ? "" : " [" + count + "]"));
            }
            return info;
        }

        private String text(String field) {
            JsonNode value = state.path(field);
            return value.isString() ? value.stringValue() : "nothing";
        }

        private int whole(JsonNode value, String field, int most) {
            boolean fits = value.isIntegralNumber()
                    && value.canConvertToInt()
                    && value.intValue() >= 1
                    && value.intValue() <= most;
            require(fits, "says %s %s where a whole number up to %d belongs", field, shown(value), most);
            return value.intValue();
        }

        private String shown(JsonNode value) {
            return Refusal.shown(value, "nothing");
        }

        private void require(boolean holds, String problem, Object... arguments) {
            if (!holds) {
                throw refuse("has a quant_state that " + problem.formatted(arguments));
            }
        }

        private InputException refuse(String problem) {
            return Refusal.of(folder, "holds weight %s that %s".formatted(Refusal.quoted(name), problem) + AGAIN);
        }
    }
}
