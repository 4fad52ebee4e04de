package dev.lowrank.engine.adapter;

import java.util.List;

/**
 * What was proven about a written adapter before it is called good.
 *
 * @param checks in the order they were made
 * @param loadReport what a server needs to load it, such as vLLM's {@code --max-lora-rank}
 */
public record Verdict(List<Check> checks, List<String> loadReport) {
    /** One thing looked at; {@code detail} is a sentence with the figure found. */
    public record Check(String name, boolean passed, String detail) {}

    public boolean passed() {
        return checks.stream().allMatch(Check::passed);
    }
}
