package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.format.GgufFile;
import java.io.IOException;

/** A GGUF file: its keys and the values of all tensors. */
final class GgufTarget implements FuzzTarget {
    private static final String FILE = "model.gguf";

    @Override
    public String name() {
        return "gguf";
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
        try (GgufFile file = GgufFile.open(Scratch.with(input).resolve(FILE))) {
            file.metadata();
            for (String name : file.tensors().keySet()) {
                SafetensorsTarget.expect(file.floats(name).length > 0);
            }
        }
    }
}
