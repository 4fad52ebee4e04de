package dev.lowrank.engine.fuzz;

import java.util.List;

/** All targets. */
final class Targets {
    static final List<FuzzTarget> ALL = List.of(
            new SafetensorsTarget(),
            new ModelFolderTarget(),
            new ConfigTarget(),
            new TokenizerTarget(),
            new TemplateTarget(),
            new RowsTarget("rows", "rows.jsonl"),
            new RowsTarget("rows-csv", "rows.csv"),
            new RowsTarget("rows-parquet", "rows.parquet"),
            new AdapterTarget(),
            new SpecTarget(),
            new GgufTarget());

    private Targets() {}

    static FuzzTarget named(String name) {
        return ALL.stream()
                .filter(target -> target.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no target is named " + name));
    }
}
