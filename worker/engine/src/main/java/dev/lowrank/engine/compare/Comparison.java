package dev.lowrank.engine.compare;

import dev.lowrank.engine.format.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * Trains and judges one variant after another, each in processes of its own. What is done is kept in the work folder, a
 * folder for each variant, and not done again while nothing that it depends on has changed.
 */
final class Comparison {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private final Setting setting;
    private final Child child;
    private final ComparisonDisplay display;

    Comparison(Setting setting, Child child, ComparisonDisplay display) {
        this.setting = setting;
        this.child = child;
        this.display = display;
    }

    /** The results in the order of the variants; the base alone comes first. */
    List<Result> run(List<Variant> variants) throws IOException {
        List<Variant> all = new ArrayList<>(List.of(Variant.BASE));
        all.addAll(variants);
        // A setting that no spec allows is said before the first of them is trained.
        all.forEach(setting::task);
        List<Result> results = new ArrayList<>();
        for (Variant variant : all) {
            display.begin(variant, results.size() + 1, all.size());
            Result result = result(variant);
            results.add(result);
            display.end(result);
        }
        return results;
    }

    private Result result(Variant variant) throws IOException {
        Path folder = setting.folder(variant);
        Task task = setting.task(variant);
        Trained trained = null;
        try {
            if (task.spec() != null) {
                trained = trained(task, folder);
            }
            return new Result(variant, trained, judged(task, folder), null);
        } catch (VariantFailure e) {
            return new Result(variant, trained, null, e.getMessage());
        }
    }

    private Trained trained(Task task, Path folder) throws IOException {
        Trained kept = kept(folder.resolve(Task.TRAINED), Trained.class);
        if (kept != null && kept.identity().equals(task.trainingIdentity())) {
            return kept;
        }
        Durable.deleteTree(folder);
        return child(VariantProcess.TRAIN, task, folder, Task.TRAINED, Trained.class);
    }

    private Judged judged(Task task, Path folder) throws IOException {
        Judged kept = kept(folder.resolve(Task.JUDGED), Judged.class);
        if (kept != null && kept.identity().equals(task.judgingIdentity())) {
            return kept;
        }
        return child(VariantProcess.JUDGE, task, folder, Task.JUDGED, Judged.class);
    }

    private <T> T child(VariantProcess part, Task task, Path folder, String file, Class<T> type) throws IOException {
        Files.createDirectories(folder);
        Durable.write(folder.resolve(Task.FILE), MAPPER.writeValueAsBytes(task));
        child.run(part, folder, display::progress);
        return Objects.requireNonNull(kept(folder.resolve(file), type), "a child that succeeds leaves its result");
    }

    private static <T> @Nullable T kept(Path file, Class<T> type) {
        return Files.exists(file) ? MAPPER.readValue(file, type) : null;
    }
}
