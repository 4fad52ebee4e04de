package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.format.ModelFolder;
import java.io.IOException;

/** A model folder: its configuration as JSON, the index of its shards, and which tensor is in which. */
final class ModelFolderTarget implements FuzzTarget {
    @Override
    public String name() {
        return "model-folder";
    }

    @Override
    public String defaultFile() {
        return "model.safetensors.index.json";
    }

    @Override
    public Cost most() {
        return new Cost(8 << 20, 400, 16 << 20, 5);
    }

    @Override
    public void read(Parts input) throws IOException {
        try (ModelFolder folder = ModelFolder.open(Scratch.with(input))) {
            SafetensorsTarget.expect(folder.parameters() >= 0);
            for (String name : folder.tensorNames()) {
                if (folder.isNf4(name)) {
                    folder.nf4(name);
                } else if (folder.info(name).dtype().readableAsFloats()) {
                    folder.floats(name);
                }
            }
            SafetensorsTarget.expect(folder.sha256().length() == 64);
        }
    }
}
