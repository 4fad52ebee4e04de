package dev.lowrank.engine.spec;

/**
 * Bottleneck adapters: {@code y = x + up(activation(down(x)))} with down [size, hidden] and up [hidden, size], both with
 * biases.
 */
public record BottleneckSpec(int size, Activation activation, Placement placement) implements AdapterSpec {
    private static final int LARGEST = 1 << 16;

    public BottleneckSpec {
        SpecException.unless(
                size >= 1 && size <= LARGEST, "adapter.size", "is %s, but must be between 1 and %s.", size, LARGEST);
    }

    @Override
    public boolean fits(Method method) {
        return method == Method.BOTTLENECK;
    }
}
