package dev.lowrank.engine.adapter;

import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.PromptSpec;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.tape.Matrix;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.engine.tokenizer.Tokenizer;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/** Virtual tokens that begin as the embeddings of a text, repeated or cut off to their number, as PEFT does it. */
final class PromptText {
    private PromptText() {}

    /**
     * [tokens, C], scaled as the base scales its embeddings.
     *
     * @param base the base's folder, for its tokenizer
     * @throws SpecException if the base has no tokenizer, or the text no tokens
     */
    static float[] embeddings(PromptSpec spec, Path base, Transformer model, Kernels kernels) {
        int[] ids = ids(Objects.requireNonNull(spec.initText()), base);
        String name = model.architecture().names().embedding() + ".weight";
        Matrix table = Objects.requireNonNull(model.slots().get(name)).base();
        int tokens = spec.virtualTokens();
        float[] rows = new float[Math.multiplyExact(tokens, table.columns())];
        try (Workspace memory = kernels.workspace()) {
            Tensor at = memory.take(DType.I32, tokens);
            int[] repeated = new int[tokens];
            Arrays.setAll(repeated, i -> ids[i % ids.length]);
            kernels.upload(repeated, at);
            Value found = Tape.forwardOnly(kernels, memory).embedding(at, table);
            kernels.download(found.data(), rows, 0);
        }
        for (int i = 0; i < rows.length; i++) {
            rows[i] *= model.architecture().embeddingScale();
        }
        return rows;
    }

    private static int[] ids(String text, Path base) {
        if (!Files.exists(base.resolve("tokenizer.json"))) {
            throw new SpecException("adapter.init", "is \"text\", but the base has no tokenizer; say \"random\".");
        }
        try (Tokenizer tokenizer = Tokenizer.open(base)) {
            int[] ids = tokenizer.encode(text).ids();
            if (ids.length == 0) {
                throw new SpecException("adapter.init_text", "has no tokens; give a word or more.");
            }
            return ids;
        }
    }
}
