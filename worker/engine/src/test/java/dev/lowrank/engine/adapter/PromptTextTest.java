package dev.lowrank.engine.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tokenizer.Tokenizer;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Virtual tokens that begin as a text. */
class PromptTextTest {
    private static final Path STARTER = Path.of("../../starter/models/lowrank-starter");
    private static final Path WITHOUT_TOKENIZER = Path.of("src/test/resources/fixtures/llama-tiny/model");

    @Test
    void tableBeginsWithTheEmbeddingsOfTheTextRepeatedToItsNumber() {
        try (Tokenizer tokenizer = Tokenizer.open(STARTER)) {
            int[] ids = tokenizer.encode("Book a room").ids();
            float[] table = table(STARTER, "Book a room", ids.length + 2);
            float[] rows = embeddings(STARTER);
            int width = table.length / (ids.length + 2);
            for (int i = 0; i < ids.length + 2; i++) {
                int id = ids[i % ids.length];
                assertThat(Arrays.copyOfRange(table, i * width, (i + 1) * width))
                        .isEqualTo(Arrays.copyOfRange(rows, id * width, (id + 1) * width));
            }
        }
    }

    @Test
    void aBaseWithoutTokenizerCannotReadTheText() {
        assertThatThrownBy(() -> table(WITHOUT_TOKENIZER, "Book a room", 3))
                .isInstanceOf(SpecException.class)
                .hasMessageContaining("the base has no tokenizer");
    }

    private static float[] table(Path base, String text, int tokens) {
        TrainingSpec spec = SpecJson.parse("""
                        {"base_model": "%s", "training_file": "t", "method": "prompt-tuning",
                         "adapter": {"virtual_tokens": %d, "init": "text", "init_text": "%s"}}
                        """.formatted(base, tokens, text)).spec();
        AdapterSpec wanted = Objects.requireNonNull(spec.adapter());
        try (Kernels kernels = CpuKernels.open(1);
                Workspace memory = kernels.workspace();
                ModelFolder folder = ModelFolder.open(base);
                Transformer model = Transformer.load(folder, Precision.FROZEN, kernels)) {
            Parameter table = Adapters.prepare(spec, wanted, model, kernels, memory)
                    .parameters()
                    .get(0);
            float[] values = new float[Math.toIntExact(table.value().size())];
            kernels.download(table.value(), values, 0);
            return values;
        }
    }

    private static float[] embeddings(Path base) {
        try (ModelFolder folder = ModelFolder.open(base)) {
            return folder.floats("model.embed_tokens.weight");
        }
    }
}
