package dev.lowrank.engine.bench;

import dev.lowrank.engine.train.StepMetrics;
import java.util.List;
import java.util.function.ToDoubleFunction;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** A measurement for programs. What the reference benchmark measures too has the same key here. */
public final class BenchJson {
    private BenchJson() {}

    /** One object; figures that the system does not give are null. */
    public static ObjectNode of(BenchResult r) {
        BenchOptions o = r.options();
        ObjectNode line = JsonNodeFactory.instance
                .objectNode()
                .put("engine", "lowrank")
                .put("device", r.device())
                .put("shape", o.shape())
                .put("method", o.method().key())
                .put("dtype", r.compute().key())
                .put("batch", o.batch())
                .put("length", o.length())
                .put("rank", o.rank())
                .put("threads", o.threads())
                .put("seed", o.seed())
                .put("checkpointing", r.checkpointed())
                .put("parameters", r.parameters())
                .put("trainable_parameters", r.trainableParameters())
                .put("tokens_per_second", rounded(r.tokensPerSecond(), 1))
                .put("tokens_per_second_min", rounded(r.slowest(), 1))
                .put("tokens_per_second_max", rounded(r.fastest(), 1))
                .put("peak_memory_bytes", r.peakMemory() == 0 ? null : (Long) r.peakMemory())
                .put("planned_memory_bytes", r.plannedMemory())
                .put("base_memory_bytes", r.baseMemory() == 0 ? null : (Long) r.baseMemory())
                .put("loss", r.last().loss())
                .put("grad_norm", r.last().gradNorm())
                .put("flops_per_step", r.products())
                .put("flops_per_second", rounded(r.flops(), 0))
                .put("peak_flops_per_second", rounded(r.peakFlops(), 0))
                .put("share_of_peak", rounded(r.shareOfPeak(), 4));
        r.seconds().forEach(line.putArray("step_seconds")::add);
        figures(line.putArray("losses"), r.steps(), StepMetrics::loss);
        figures(line.putArray("grad_norms"), r.steps(), StepMetrics::gradNorm);
        if (!r.profile().isEmpty()) {
            profile(line.putArray("profile"), r.profile());
        }
        return line;
    }

    private static void figures(ArrayNode array, List<StepMetrics> steps, ToDoubleFunction<StepMetrics> figure) {
        steps.forEach(step -> array.add(figure.applyAsDouble(step)));
    }

    private static void profile(ArrayNode array, List<Profile.Line> lines) {
        for (Profile.Line line : lines) {
            array.addObject()
                    .put("phase", line.phase())
                    .put("operation", line.operation())
                    .put("calls", line.calls())
                    .put("milliseconds", line.milliseconds())
                    .put("share", line.share())
                    .put("flops_per_second", line.flops());
        }
    }

    private static double rounded(double value, int places) {
        double scale = Math.pow(10, places);
        return Math.round(value * scale) / scale;
    }
}
