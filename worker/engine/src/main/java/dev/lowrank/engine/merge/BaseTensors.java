package dev.lowrank.engine.merge;

import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Transformer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The tensors an adapter may change, by their names in the model's own class.
 *
 * @param shapes of all; a tied head is listed with the shape of the embedding table
 * @param linears paths of the blocks' linear layers
 * @param transposed whether the weights of linear layers lie as [in, out] (GPT-2's Conv1D)
 */
record BaseTensors(Map<String, long[]> shapes, List<String> linears, boolean transposed) {
    static BaseTensors of(Transformer model) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        model.slots().forEach((name, slot) -> shapes.put(name, slot.base().shape()));
        return new BaseTensors(
                shapes,
                model.linears().stream().map(Linear::path).toList(),
                model.architecture().names().transposed());
    }

    /** Whether a tensor is the weight of a linear layer that lies as [in, out]. */
    boolean transposed(String module) {
        return transposed && linears.contains(module);
    }
}
