package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.format.PeftFolder;
import java.io.IOException;

/** An adapter folder: its configuration held against its tensors, and the values of all of them. */
final class AdapterTarget implements FuzzTarget {
    @Override
    public String name() {
        return "adapter";
    }

    @Override
    public String defaultFile() {
        return PeftFolder.CONFIG;
    }

    @Override
    public Cost most() {
        return new Cost(8 << 20, 1000, 16 << 20, 5);
    }

    @Override
    public void read(Parts input) throws IOException {
        try (PeftFolder folder = PeftFolder.open(Scratch.with(input))) {
            SafetensorsTarget.expect(folder.parameters() >= 0);
            folder.keys().forEach(folder::tensor);
            folder.modules();
        }
    }
}
