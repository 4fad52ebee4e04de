package dev.lowrank.engine.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class GeneratorTest {
    private static final int[] PROMPT = {1, 44, 17, 80, 5};

    private final Kernels kernels = CpuKernels.open(2);
    private final ModelFolder folder = ModelFolder.open(Path.of("src/test/resources/fixtures/llama-tiny/model"));
    private final Transformer model = Transformer.load(folder, Precision.FROZEN, kernels);
    private final Generator generator = new Generator(model, 40, kernels);

    @AfterEach
    void close() {
        generator.close();
        model.close();
        folder.close();
        kernels.close();
    }

    @Test
    void cachedGenerationChoosesWhatAWholePassWouldChoose() {
        int[] answer = generator.generate(PROMPT, Sampling.GREEDY, Set.of(), 20);
        int[] whole = PROMPT;
        for (int token : answer) {
            assertThat(token).isEqualTo(mostLikelyAfter(whole));
            whole = Arrays.copyOf(whole, whole.length + 1);
            whole[whole.length - 1] = token;
        }
        assertThat(answer).hasSize(20);
    }

    @Test
    void answerEndsBeforeTheFirstStopToken() {
        int[] free = generator.generate(PROMPT, Sampling.GREEDY, Set.of(), 10);
        int[] stopped = generator.generate(PROMPT, Sampling.GREEDY, Set.of(free[4]), 10);
        int first = indexOf(free, free[4]);
        assertThat(stopped).isEqualTo(Arrays.copyOf(free, first));
    }

    @Test
    void oneSeedDrawsOneTextAndAnotherSeedAnother() {
        int[] a = generator.generate(PROMPT, new Sampling(1, 0, 1, 5), Set.of(), 30);
        assertThat(generator.generate(PROMPT, new Sampling(1, 0, 1, 5), Set.of(), 30))
                .isEqualTo(a);
        assertThat(generator.generate(PROMPT, new Sampling(1, 0, 1, 6), Set.of(), 30))
                .isNotEqualTo(a);
    }

    @Test
    void topOneIsGreedyAtAnyTemperature() {
        assertThat(generator.generate(PROMPT, new Sampling(1.5, 1, 1, 3), Set.of(), 10))
                .isEqualTo(generator.generate(PROMPT, Sampling.GREEDY, Set.of(), 10));
    }

    @Test
    void answerStopsWhereTheCacheIsFull() {
        assertThat(generator.generate(PROMPT, Sampling.GREEDY, Set.of(), 1000)).hasSize(35);
    }

    @Test
    void promptThatLeavesNoRoomIsRefused() {
        assertThatThrownBy(() -> generator.generate(new int[40], Sampling.GREEDY, Set.of(), 1))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("between 1 and 39");
    }

    private int mostLikelyAfter(int[] tokens) {
        try (Workspace scratch = kernels.workspace()) {
            Tape tape = Tape.forwardOnly(kernels, scratch);
            var hidden = model.hidden(tape, TokenBatch.of(List.of(tokens)));
            Tensor logits = model.logits(tape, hidden, tokens.length - 1);
            float[] values = new float[model.architecture().vocabulary()];
            kernels.download(logits, values, 0);
            return Sampling.GREEDY.choose(values, 0);
        }
    }

    private static int indexOf(int[] values, int wanted) {
        for (int i = 0; i < values.length; i++) {
            if (values[i] == wanted) {
                return i;
            }
        }
        return -1;
    }
}
