package dev.lowrank.engine.generate;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.model.KeyValueCache;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.Arrays;
import java.util.Set;

/** Continues token sequences with a model, one token at a time, keeping keys and values of what went before. */
public final class Generator implements AutoCloseable {
    private final Transformer model;
    private final Kernels kernels;
    private final Workspace memory;
    private final Workspace scratch;
    private final KeyValueCache cache;

    /** @param capacity most tokens of prompt and answer together */
    public Generator(Transformer model, int capacity, Kernels kernels) {
        this.model = model;
        this.kernels = kernels;
        this.memory = kernels.workspace();
        this.scratch = kernels.workspace();
        this.cache = model.newCache(capacity, memory);
    }

    /**
     * The answer to a prompt, without the token that ended it.
     *
     * @param stops tokens that end the answer
     * @param most tokens of the answer at most; fewer where the cache is full
     */
    public int[] generate(int[] prompt, Sampling sampling, Set<Integer> stops, int most) {
        if (prompt.length == 0 || prompt.length >= cache.capacity()) {
            throw new InputException("The prompt has %d tokens, but must have between 1 and %d."
                    .formatted(prompt.length, cache.capacity() - 1));
        }
        cache.clear();
        float[] logits = new float[model.architecture().vocabulary()];
        int[] answer = new int[Math.min(most, cache.capacity() - prompt.length)];
        int[] next = prompt;
        for (int n = 0; n < answer.length; n++) {
            int token = sampling.choose(advance(next, logits), n);
            if (stops.contains(token)) {
                return Arrays.copyOf(answer, n);
            }
            answer[n] = token;
            next = new int[] {token};
        }
        return answer;
    }

    /** Feeds tokens and returns the logits after the last of them. */
    private float[] advance(int[] tokens, float[] logits) {
        long mark = scratch.mark();
        Tape tape = Tape.forwardOnly(kernels, scratch);
        Value hidden = model.hidden(tape, tokens, cache);
        Tensor last = model.logits(tape, hidden, tokens.length - 1);
        kernels.download(last, logits, 0);
        scratch.release(mark);
        return logits;
    }

    @Override
    public void close() {
        scratch.close();
        memory.close();
    }
}
