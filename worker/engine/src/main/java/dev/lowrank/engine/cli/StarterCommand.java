package dev.lowrank.engine.cli;

import dev.lowrank.engine.starter.StarterBase;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code starter DIR}: writes what the starter base is made from; docs/starter-base.md says how it goes on. */
@Command(
        name = "starter",
        mixinStandardHelpOptions = true,
        description = "Writes the text, tokenizer, first weights and sample task of the starter base into a folder.")
final class StarterCommand implements Callable<Integer> {
    @Parameters(paramLabel = "DIR", description = "Where to write.")
    private Path folder = Path.of("");

    @Override
    public Integer call() throws IOException {
        new StarterBase(folder).write();
        System.out.println("Wrote %s; now run: ./lowrank train %s".formatted(folder, folder.resolve("base.json")));
        return 0;
    }
}
