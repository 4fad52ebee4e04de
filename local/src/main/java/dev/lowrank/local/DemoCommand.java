package dev.lowrank.local;

import dev.lowrank.local.demo.ApiClient;
import dev.lowrank.local.demo.ComparisonTable;
import dev.lowrank.local.demo.Evaluation;
import dev.lowrank.local.demo.SampleJob;
import dev.lowrank.local.demo.Steps;
import dev.lowrank.local.demo.TrainedJob;
import dev.lowrank.local.files.FileTree;
import dev.lowrank.local.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code lowrank demo}: one job through the whole platform, and the same prompts before and after. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description =
                "Starts everything, trains the sample job over HTTP, and shows the same prompts before and after.")
final class DemoCommand implements Callable<Integer> {
    private static final int EVALUATED_ROWS = 100;
    private static final int SHOWN_ROWS = 5;
    private static final double ENOUGH = 0.9;

    @Option(names = "--exit", description = "stop everything at the end")
    private boolean exit;

    @Option(names = "--json", description = "print one machine-readable line at the end")
    private boolean json;

    @Option(
            names = "--port",
            paramLabel = "N",
            description = "port of the API and the console (default: 8080, or a free one)")
    private @Nullable Integer port;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "keep the platform's state there (default: a temporary folder)")
    private @Nullable Path data;

    private final Installation installation = Installation.current();
    private final Terminal terminal = Terminal.current();
    private final long startedNanos = System.nanoTime();
    /** A demonstration that failed leaves its logs behind. */
    private volatile boolean wentWell;

    @Override
    public Integer call() throws IOException, InterruptedException {
        terminal.line("");
        Steps steps = new Steps(terminal);
        FutureTask<Evaluation> before = background(() -> evaluator().evaluate(null));
        terminal.status("  " + terminal.dim("Starting PostgreSQL, the API and a worker…"));
        Path state = data == null ? Files.createTempDirectory("lowrank-demo-") : data;
        Platform platform = Platform.start(
                installation,
                new PlatformSettings(
                        state,
                        installation.models(),
                        port == null ? Ports.freeNear(UpCommand.DEFAULT_PORT) : port,
                        1,
                        null),
                new RestartNotices(terminal),
                () -> removeTemporary(state));
        terminal.clearStatus();
        steps.done("Started PostgreSQL, the API and a worker");
        wentWell = true;
        return runOrKeepLogs(platform, before, steps);
    }

    private int runOrKeepLogs(Platform platform, FutureTask<Evaluation> before, Steps steps)
            throws IOException, InterruptedException {
        try {
            return run(platform, before, steps);
        } catch (IOException | RuntimeException e) {
            wentWell = false;
            terminal.clearStatus();
            terminal.notice("The logs are in " + platform.dataFolder().resolve("logs") + ".");
            throw e;
        }
    }

    private int run(Platform platform, FutureTask<Evaluation> before, Steps steps)
            throws IOException, InterruptedException {
        try (ApiClient api = new ApiClient(platform.console(), key(platform))) {
            Evaluation base = result(before);
            steps.done("The base answers %s of %d held-out prompts right".formatted(percent(base), base.rows()));
            TrainedJob trained = new SampleJob(api, terminal, installation.starter()).run(adapters());
            terminal.status("  " + terminal.dim("Asking the adapter the same prompts…"));
            Evaluation adapted = evaluator().evaluate(trained.adapter());
            terminal.clearStatus();
            show(base, adapted);
            sayWhereThingsAre(platform, trained);
            printJson(base, adapted, platform, trained);
            boolean good = adapted.exactMatch() >= ENOUGH;
            if (!good) {
                terminal.notice("lowrank: the adapter answers only %s of the held-out prompts right; %s was expected."
                        .formatted(percent(adapted), percent(ENOUGH)));
            }
            return exit ? finish(good) : stay();
        }
    }

    private static int finish(boolean good) {
        return good ? 0 : 1;
    }

    private int stay() throws InterruptedException {
        terminal.line(terminal.dim("Everything stays up until Ctrl-C."));
        new CountDownLatch(1).await();
        return 0;
    }

    private EngineEvaluator evaluator() {
        return new EngineEvaluator(
                installation,
                installation.models().resolve("lowrank-starter"),
                installation.starter().resolve("data").resolve("heldout.jsonl"),
                EVALUATED_ROWS,
                SHOWN_ROWS);
    }

    /** Kept when a temporary platform goes: it is what the demonstration leaves behind. */
    private Path adapters() {
        return data == null ? installation.defaultData().resolve("demo") : data.resolve("downloads");
    }

    private static String key(Platform platform) {
        return platform.bootstrapKey()
                .or(() -> Optional.ofNullable(System.getenv("LOWRANK_API_KEY")))
                .orElseThrow(() -> new Problem("The platform in %s was started before, and its key is shown only once;"
                                .formatted(platform.dataFolder())
                        + " put that key into LOWRANK_API_KEY, or choose a new folder with --data DIR."));
    }

    private static FutureTask<Evaluation> background(Callable<Evaluation> work) {
        FutureTask<Evaluation> task = new FutureTask<>(work);
        Thread.ofPlatform().daemon().name("evaluate-base").start(task);
        return task;
    }

    private static Evaluation result(FutureTask<Evaluation> task) throws InterruptedException {
        try {
            return task.get();
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            throw new Problem(String.valueOf(cause == null ? e.getMessage() : cause.getMessage()), e);
        }
    }

    private void show(Evaluation base, Evaluation adapted) {
        terminal.line("");
        new ComparisonTable(terminal).lines(base, adapted).forEach(terminal::line);
        terminal.line("");
        terminal.line("  Exact match on %d held-out prompts: %s"
                .formatted(adapted.rows(), terminal.bold(percent(base) + " → " + percent(adapted))));
        terminal.line("");
    }

    private void sayWhereThingsAre(Platform platform, TrainedJob trained) {
        terminal.line(terminal.dim("Signed link to the adapter:"));
        terminal.line(trained.link().toString());
        terminal.line(terminal.dim("The adapter's folder (PEFT), as downloaded:"));
        terminal.line(trained.adapter().toString());
        if (!exit) {
            Greeting.print(terminal, platform);
        } else {
            terminal.line(terminal.dim("The console was at:"));
            terminal.line(platform.console().toString());
        }
        terminal.line(terminal.dim("Done in %.0f s.".formatted(seconds())));
    }

    private void printJson(Evaluation base, Evaluation adapted, Platform platform, TrainedJob trained) {
        if (json) {
            terminal.line(JsonMapper.shared()
                    .createObjectNode()
                    .put("job", trained.job())
                    .put("fine_tuned_model", trained.model())
                    .put("steps", trained.steps())
                    .put("first_loss", trained.firstLoss())
                    .put("last_loss", trained.lastLoss())
                    .put("exact_match_before", base.exactMatch())
                    .put("exact_match_after", adapted.exactMatch())
                    .put("held_out_rows", adapted.rows())
                    .put("held_out_loss_before", base.loss())
                    .put("held_out_loss_after", adapted.loss())
                    .put("link", trained.link().toString())
                    .put("adapter", trained.adapter().toString())
                    .put("console", platform.console().toString())
                    .put("seconds", seconds())
                    .toString());
        }
    }

    private double seconds() {
        return (System.nanoTime() - startedNanos) / 1e9;
    }

    private static String percent(Evaluation evaluation) {
        return percent(evaluation.exactMatch());
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", share * 100);
    }

    private void removeTemporary(Path state) {
        if (data == null && wentWell) {
            try {
                FileTree.delete(state);
            } catch (IOException e) {
                terminal.notice("The temporary folder %s could not be removed: %s".formatted(state, e.getMessage()));
            }
        }
    }
}
