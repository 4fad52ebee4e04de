package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;

/** A training spec, as a job's author writes it; what is read must read the same once it is written out. */
final class SpecTarget implements FuzzTarget {
    private static final String FILE = "spec.json";

    @Override
    public String name() {
        return "spec";
    }

    @Override
    public String defaultFile() {
        return FILE;
    }

    @Override
    public Cost most() {
        return new Cost(4 << 20, 1000, 16 << 20, 5);
    }

    @Override
    public void read(Parts input) {
        TrainingSpec spec = SpecJson.parse(input.text(FILE)).spec();
        TrainingSpec again = SpecJson.read(SpecJson.write(spec)).spec();
        SafetensorsTarget.expect(again.equals(spec));
    }
}
