package dev.lowrank.engine.analyze;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** An analysis for machines: one line of JSON, numbers to six digits. */
public final class AnalysisJson {
    private static final MathContext SIX = new MathContext(6);

    private AnalysisJson() {}

    public static String of(AdapterAnalysis analysis) {
        Map<String, @Nullable Object> root = new LinkedHashMap<>();
        root.put("kind", analysis.kind());
        root.put("adapter", analysis.adapter());
        root.put("against", analysis.against());
        root.put("cost", cost(analysis.cost()));
        root.put("notes", analysis.notes());
        root.put("layers", analysis.layers().stream().map(AnalysisJson::layer).toList());
        return JsonMapper.shared().writeValueAsString(root);
    }

    private static Map<String, @Nullable Object> cost(Cost cost) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("trained_parameters", cost.trained());
        fields.put("checkpoint_bytes", cost.stored());
        fields.put("training_state_bytes", cost.trainingState());
        Cost.Full full = cost.full();
        if (full != null) {
            fields.put("full_parameters", full.trained());
            fields.put("full_checkpoint_bytes", full.stored());
            fields.put("full_training_state_bytes", full.trainingState());
        }
        return fields;
    }

    private static Map<String, @Nullable Object> layer(LayerAnalysis layer) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("module", layer.module());
        fields.put("rank", layer.rank());
        fields.put("in", layer.in());
        fields.put("out", layer.out());
        fields.put("parameters", layer.parameters());
        fields.put("scale", rounded(layer.scale()));
        fields.put("singular_values", rounded(layer.singularValues()));
        fields.put("norm", rounded(layer.norm()));
        fields.put("effective_rank", rounded(layer.effectiveRank()));
        fields.put("above_one_percent", layer.aboveOnePercent());
        fields.put("covering_90_percent", layer.covering90());
        Amplification base = layer.base();
        if (base != null) {
            fields.put("base", amplification(base));
        }
        List<List<Double>> similarity = layer.similarity();
        if (similarity != null) {
            fields.put(
                    "similarity", similarity.stream().map(AnalysisJson::rounded).toList());
        }
        return fields;
    }

    private static Map<String, @Nullable Object> amplification(Amplification base) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("norm", rounded(base.weight()));
        fields.put("in_update_directions", rounded(base.inUpdate()));
        fields.put("in_own_directions", rounded(base.inOwn()));
        fields.put("in_random_directions", rounded(base.inRandom()));
        Double factor = base.factor();
        fields.put("amplification", factor == null ? null : rounded(factor));
        return fields;
    }

    private static List<Double> rounded(List<Double> values) {
        return values.stream().map(AnalysisJson::rounded).toList();
    }

    private static double rounded(double value) {
        return new BigDecimal(value).round(SIX).doubleValue();
    }
}
