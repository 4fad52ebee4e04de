package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.format.TensorInfo;
import java.io.IOException;

/** A safetensors file: its header, its texts and the values of all tensors. */
final class SafetensorsTarget implements FuzzTarget {
    private static final String FILE = "model.safetensors";

    @Override
    public String name() {
        return "safetensors";
    }

    @Override
    public String defaultFile() {
        return FILE;
    }

    @Override
    public Cost most() {
        return new Cost(4 << 20, 200, 16 << 20, 5);
    }

    @Override
    public void read(Parts input) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(Scratch.with(input).resolve(FILE))) {
            for (TensorInfo tensor : file.tensors().values()) {
                if (tensor.dtype().readableAsFloats()) {
                    expect(file.floats(tensor.name()).length == tensor.count());
                } else if (tensor.dtype().readableAsLongs()) {
                    expect(file.longs(tensor.name()).length == tensor.count());
                } else {
                    expect(file.bytes(tensor.name()).byteSize() == tensor.end() - tensor.begin());
                }
            }
        }
    }

    static void expect(boolean holds) {
        if (!holds) {
            throw new AssertionError("what was read is not of the size that was said");
        }
    }
}
