package dev.lowrank.engine.cli;

import dev.lowrank.engine.compare.VariantProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code compare-variant}: what {@code compare} starts for each half of a variant; nothing for people. */
@Command(name = CompareVariantCommand.NAME, hidden = true)
final class CompareVariantCommand implements Callable<Integer> {
    static final String NAME = "compare-variant";

    @Option(names = "--part", required = true)
    private String part = "";

    @Parameters
    private Path folder = Path.of("");

    @Override
    public Integer call() throws IOException {
        VariantProcess process = part.equals("train") ? VariantProcess.TRAIN : VariantProcess.JUDGE;
        process.run(folder, System.out);
        return 0;
    }
}
