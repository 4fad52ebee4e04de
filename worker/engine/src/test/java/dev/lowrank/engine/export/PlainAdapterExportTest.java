package dev.lowrank.engine.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.NamedTensor;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftModules;
import dev.lowrank.engine.format.PeftPatterns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A plain adapter adds what the other one adds, with one rank and one scale for all. */
class PlainAdapterExportTest {
    private static final String WIDE = "model.layers.0.self_attn.q_proj";
    private static final String NARROW = "model.layers.0.mlp.down_proj";

    @TempDir
    private Path folder;

    @Test
    void updatesOfAllLayersStayTheSameWithoutPatterns() throws IOException {
        Path adapter = adapter(false);
        Files.writeString(adapter.resolve("tokenizer.json"), "{}");
        assertThat(PlainAdapterExport.write(adapter, folder.resolve("plain"))).isEqualTo(2);
        try (PeftFolder before = PeftFolder.open(adapter);
                PeftFolder after = PeftFolder.open(folder.resolve("plain"))) {
            PeftLora lora = (PeftLora) after.config();
            assertThat(lora.uniform()).isTrue();
            assertThat(lora.rslora()).isFalse();
            assertThat(lora.scale(NARROW)).isEqualTo(1);
            for (String module : before.modules()) {
                double scale = ((PeftLora) before.config()).scale(module);
                int rank = ((PeftLora) before.config()).rank(module);
                float[] update = update(before, module, rank, scale);
                assertThat(update(after, module, 2, 1)).containsExactly(update, within(1e-6f));
            }
        }
        assertThat(folder.resolve("plain/tokenizer.json")).hasContent("{}");
    }

    @Test
    void whatHasNoPlainFormIsRefused() {
        assertThatThrownBy(() -> PlainAdapterExport.write(adapter(true), folder.resolve("plain")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("merge it into the base");
        assertThat(folder.resolve("plain")).doesNotExist();
    }

    private Path adapter(boolean dora) {
        Path adapter = folder.resolve("adapter");
        PeftLora config = new PeftLora(
                PeftModules.listed(List.of("q_proj", "down_proj")),
                2,
                3,
                0,
                PeftPatterns.of(Map.of("down_proj", 1)),
                PeftPatterns.of(Map.of("down_proj", 5.0)),
                PeftLora.Bias.NONE,
                true,
                dora,
                false,
                PeftLora.Init.KAIMING,
                "base");
        List<NamedTensor> tensors = new ArrayList<>(List.of(
                new NamedTensor(PeftKey.loraA(WIDE), new long[] {2, 3}, new float[] {1, -2, 3, 4, 5, -6}),
                new NamedTensor(PeftKey.loraB(WIDE), new long[] {2, 2}, new float[] {0.5f, -1, 2, 0.25f}),
                new NamedTensor(PeftKey.loraA(NARROW), new long[] {1, 2}, new float[] {1, 7}),
                new NamedTensor(PeftKey.loraB(NARROW), new long[] {3, 1}, new float[] {0.5f, -1, 2})));
        if (dora) {
            tensors.add(new NamedTensor(PeftKey.magnitude(WIDE), new long[] {2}, new float[] {1, 1}));
            tensors.add(new NamedTensor(PeftKey.magnitude(NARROW), new long[] {3}, new float[] {1, 1, 1}));
        }
        PeftFolder.write(adapter, config, tensors);
        return adapter;
    }

    private static float[] update(PeftFolder folder, String module, int rank, double scale) {
        float[] a = folder.a(module);
        float[] b = folder.b(module);
        int in = a.length / rank;
        int out = b.length / rank;
        float[] update = new float[in * out];
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                double sum = 0;
                for (int r = 0; r < rank; r++) {
                    sum += (double) b[o * rank + r] * a[r * in + i];
                }
                update[o * in + i] = (float) (scale * sum);
            }
        }
        return update;
    }
}
