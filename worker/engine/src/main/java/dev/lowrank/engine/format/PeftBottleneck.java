package dev.lowrank.engine.format;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Bottleneck adapters, {@code y = x + up(activation(down(x)))}, on what a block of a layer adds to the residual. PEFT has
 * no format for them, so this one is our own.
 *
 * @param size of the bottleneck
 * @param width of the base's hidden state
 * @param layers of the base
 */
public record PeftBottleneck(
        int size,
        int width,
        int layers,
        Activation activation,
        Placement placement,
        @Nullable String baseModel) implements PeftConfig {
    static final String TYPE = "LOWRANK_BOTTLENECK";
    private static final int VERSION = 1;

    /** The function between the two projections. */
    public enum Activation {
        /** {@code max(x, 0)} */
        RELU,
        /** {@code x / 2 * (1 + erf(x / sqrt(2)))} */
        GELU,
        /** {@code x / (1 + exp(-x))} */
        SILU,
        /** {@code tanh(x)} */
        TANH;

        String key() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Where in a layer the adapters stand. */
    public enum Placement {
        /** After attention and after the feed-forward block. */
        HOULSBY(List.of("attention", "mlp")),
        /** After the feed-forward block only. */
        PFEIFFER(List.of("mlp"));

        private final List<String> places;

        Placement(List<String> places) {
            this.places = places;
        }

        String key() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public PeftBottleneck {
        if (size < 1 || width < 1 || layers < 1) {
            throw new IllegalArgumentException("size %d, width %d, %d layers".formatted(size, width, layers));
        }
    }

    /** Where the adapters stand, such as {@code layers.0.attention}: the paths of their keys. */
    public List<String> places() {
        return IntStream.range(0, layers)
                .boxed()
                .flatMap(layer -> placement.places.stream().map(place -> "layers.%d.%s".formatted(layer, place)))
                .toList();
    }

    @Override
    public String kind() {
        return "bottleneck";
    }

    static PeftBottleneck read(PeftFields fields) {
        fields.whole("format_version", VERSION, VERSION);
        return new PeftBottleneck(
                fields.whole("bottleneck_size", 1, 1 << 16),
                fields.whole("hidden_size", 1, PeftPromptTuning.MOST),
                fields.whole("num_layers", 1, 10_000),
                fields.choice("activation", List.of(Activation.values()), Activation::key, null),
                fields.choice("placement", List.of(Placement.values()), Placement::key, null),
                fields.text("base_model_name_or_path"));
    }

    @Override
    public Map<String, @Nullable Object> fields() {
        Map<String, @Nullable Object> fields = new TreeMap<>();
        fields.put("activation", activation.key());
        fields.put("bottleneck_size", size);
        fields.put("format_version", VERSION);
        fields.put("hidden_size", width);
        fields.put("num_layers", layers);
        fields.put("peft_type", TYPE);
        fields.put("placement", placement.key());
        return fields;
    }
}
