package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.JsonFile;
import java.io.IOException;
import java.nio.file.Path;

/** A config.json: everything about a model that changes its numbers. */
final class ConfigTarget implements FuzzTarget {
    private static final String FILE = "config.json";

    @Override
    public String name() {
        return "config";
    }

    @Override
    public String defaultFile() {
        return FILE;
    }

    @Override
    public Cost most() {
        return new Cost(8 << 20, 1000, 16 << 20, 5);
    }

    @Override
    public void read(Parts input) throws IOException {
        Path file = Scratch.with(input).resolve(FILE);
        Architecture architecture = Architecture.read(JsonFile.read(file, 4 << 20), file);
        SafetensorsTarget.expect(architecture.queryWidth() > 0 && architecture.keyWidth() > 0);
    }
}
