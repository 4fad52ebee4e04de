package dev.lowrank.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.format.NamedTensor;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftModules;
import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.StoredType;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class AdapterAnalysisTest {
    private static final int IN = 6;
    private static final int OUT = 5;

    @TempDir
    Path temporary;

    private Path base;
    private Path adapter;

    @BeforeEach
    void writeFolders() throws IOException {
        base = Files.createDirectory(temporary.resolve("base"));
        Files.writeString(base.resolve("config.json"), "{}");
        SafetensorsWriter writer = new SafetensorsWriter();
        for (int layer = 0; layer < 11; layer++) {
            writer.add(
                    module(layer) + ".weight",
                    StoredType.F32,
                    new long[] {OUT, IN},
                    LowRankUpdateTest.random(OUT * IN, layer));
        }
        writer.write(base.resolve("model.safetensors"));
        adapter = write("adapter", 2, 1);
    }

    private static String module(int layer) {
        return "model.layers.%d.q_proj".formatted(layer);
    }

    private Path write(String name, int rank, long key) {
        List<NamedTensor> tensors = new ArrayList<>();
        for (int layer = 0; layer < 11; layer++) {
            float[] b = layer == 3 ? new float[OUT * rank] : LowRankUpdateTest.random(OUT * rank, 100 + layer + key);
            tensors.add(new NamedTensor(
                    PeftKey.loraA(module(layer)),
                    new long[] {rank, IN},
                    LowRankUpdateTest.random(rank * IN, 200 + layer + key)));
            tensors.add(new NamedTensor(PeftKey.loraB(module(layer)), new long[] {OUT, rank}, b));
        }
        Path folder = temporary.resolve(name);
        PeftFolder.write(folder, PeftLora.plain(PeftModules.listed(List.of("q_proj")), rank, 4, 0, null), tensors);
        return folder;
    }

    @Test
    void layersComeInTheirOrderWithTheirFigures() {
        AdapterAnalysis analysis = AdapterAnalysis.of(adapter, base, adapter);
        assertThat(analysis.layers().stream().map(LayerAnalysis::module))
                .hasSize(11)
                .startsWith(module(0), module(1), module(2))
                .endsWith(module(9), module(10));
        LayerAnalysis first = analysis.layers().getFirst();
        assertThat(first.parameters()).isEqualTo(2 * (IN + OUT));
        assertThat(first.scale()).isEqualTo(2);
        assertThat(first.singularValues()).hasSize(2);
        assertThat(first.base()).isNotNull();
        assertThat(first.similarity()).isNotNull();
        first.similarity().forEach(row -> row.forEach(phi -> assertThat(phi).isCloseTo(1, within(1e-9))));
        LayerAnalysis nothing = analysis.layers().get(3);
        assertThat(nothing.singularValues()).isEmpty();
        assertThat(nothing.base()).isNull();
        assertThat(nothing.similarity()).isNull();
    }

    @Test
    void costIsComparedWithTheWholeBase() throws IOException {
        Cost cost = AdapterAnalysis.of(adapter, base, null).cost();
        assertThat(cost.trained()).isEqualTo(11 * 2 * (IN + OUT));
        assertThat(cost.stored()).isEqualTo(Files.size(adapter.resolve(PeftFolder.WEIGHTS)));
        assertThat(cost.trainingState()).isEqualTo(16 * cost.trained());
        assertThat(cost.full()).isEqualTo(new Cost.Full(11 * IN * OUT, 4 * 11 * IN * OUT, 16 * 11 * IN * OUT));
        assertThat(AdapterAnalysis.of(adapter, null, null).cost().full()).isNull();
    }

    @Test
    void sameInputGivesTheSameBytes() {
        AdapterAnalysis analysis = AdapterAnalysis.of(adapter, base, write("other", 3, 7));
        AdapterAnalysis again = AdapterAnalysis.of(adapter, base, temporary.resolve("other"));
        assertThat(AnalysisJson.of(again)).isEqualTo(AnalysisJson.of(analysis));
        assertThat(AnalysisPicture.of(again)).isEqualTo(AnalysisPicture.of(analysis));
    }

    @Test
    void jsonTableAndPictureSayTheSame() throws Exception {
        AdapterAnalysis analysis = AdapterAnalysis.of(adapter, base, write("other<&>", 3, 7));
        JsonNode json = JsonMapper.shared().readTree(AnalysisJson.of(analysis));
        JsonNode layer = json.path("layers").get(0);
        assertThat(layer.path("module").stringValue()).isEqualTo(module(0));
        assertThat(layer.path("similarity").size()).isEqualTo(2);
        assertThat(layer.path("similarity").get(0).size()).isEqualTo(3);
        double factor = layer.path("base").path("amplification").doubleValue();
        assertThat(json.path("cost").path("full_parameters").longValue()).isEqualTo(330);
        String table = AnalysisTable.of(analysis);
        assertThat(table.lines().filter(line -> line.startsWith(module(0))))
                .singleElement()
                .asString()
                .contains(
                        AnalysisTable.number(factor),
                        AnalysisTable.number(analysis.layers().getFirst().norm()));
        assertThat(table).contains("phi", "other<&>").doesNotContain("null", "NaN");
        Document picture = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(AnalysisPicture.of(analysis).getBytes(StandardCharsets.UTF_8)));
        assertThat(picture.getDocumentElement().getTagName()).isEqualTo("svg");
        String words = picture.getDocumentElement().getTextContent();
        assertThat(words)
                .contains(
                        "Effective rank", "Amplification", "Singular values", "other<&>", AnalysisTable.number(factor))
                .doesNotContain("null", "NaN");
    }

    @Test
    void whatDoesNotFitIsRefused() throws IOException {
        Path other = Files.createDirectory(temporary.resolve("another"));
        Files.writeString(other.resolve("config.json"), "{}");
        Path weights = other.resolve("model.safetensors");
        new SafetensorsWriter()
                .add("x", StoredType.F32, new long[] {1}, new float[1])
                .write(weights);
        assertRefused(other, null, "another holds no weight for \"" + module(0) + "\"");
        new SafetensorsWriter()
                .add(module(0) + ".weight", StoredType.F32, new long[] {IN, OUT}, new float[IN * OUT])
                .write(weights);
        assertRefused(other, null, "as [6, 5], but the adapter needs [5, 6]");
        new SafetensorsWriter()
                .addLongs(module(0) + ".weight", StoredType.U8, new long[] {15, 1}, new long[15])
                .write(weights);
        assertRefused(other, null, "as U8, which is quantized; name the 16-bit folder");
        new SafetensorsWriter()
                .add(module(0) + ".weight", StoredType.F32, new long[] {OUT, IN}, notFinite(IN * OUT))
                .write(weights);
        assertRefused(other, null, "that is not finite");
        Path elsewhere = temporary.resolve("elsewhere");
        PeftFolder.write(
                elsewhere,
                PeftLora.plain(PeftModules.listed(List.of("k_proj")), 1, 1, 0, null),
                List.of(
                        new NamedTensor(PeftKey.loraA("k_proj"), new long[] {1, 2}, new float[2]),
                        new NamedTensor(PeftKey.loraB("k_proj"), new long[] {2, 1}, new float[2])));
        assertRefused(null, elsewhere, "have no module in common");
        Path wider = temporary.resolve("wider");
        PeftFolder.write(
                wider,
                PeftLora.plain(PeftModules.listed(List.of("q_proj")), 1, 1, 0, null),
                List.of(
                        new NamedTensor(PeftKey.loraA(module(0)), new long[] {1, 2}, new float[2]),
                        new NamedTensor(PeftKey.loraB(module(0)), new long[] {2, 1}, new float[2])));
        assertRefused(null, wider, "with 6 inputs, wider with 2");
    }

    private static float[] notFinite(int count) {
        float[] values = new float[count];
        values[count - 1] = Float.NaN;
        return values;
    }

    private void assertRefused(Path base, Path against, String says) {
        assertThatThrownBy(() -> AdapterAnalysis.of(adapter, base, against))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(says);
    }

    @Test
    void everyKindOfReferenceAdapterIsAnalysed() {
        Path llama = SharedData.require("golden/llama");
        Path model = llama.resolve("model");
        for (String kind :
                List.of("lora-all-linear-r8", "dora-r4", "rslora-r8", "lora-rank-pattern", "ia3", "prefix-tuning")) {
            AdapterAnalysis analysis = AdapterAnalysis.of(llama.resolve(kind), model, null);
            assertThat(AnalysisTable.of(analysis)).as(kind).contains("trained parameters");
            assertThat(AnalysisPicture.of(analysis)).as(kind).doesNotContain("NaN", "null");
            assertThat(analysis.layers().isEmpty())
                    .as(kind)
                    .isEqualTo(kind.equals("ia3") || kind.equals("prefix-tuning"));
        }
        Path gpt2 = SharedData.require("golden/gpt2");
        AdapterAnalysis transposed = AdapterAnalysis.of(
                gpt2.resolve("lora-all-linear-r8"), gpt2.resolve("model"), gpt2.resolve("lora-attention-r4"));
        assertThat(transposed.layers())
                .hasSize(12)
                .allSatisfy(layer -> assertThat(layer.base()).isNotNull());
        AdapterAnalysis packed = AdapterAnalysis.of(llama.resolve("ia3"), llama.resolve("model-nf4"), null);
        AdapterAnalysis plain = AdapterAnalysis.of(llama.resolve("ia3"), model, null);
        assertThat(packed.cost().full().trained()).isEqualTo(plain.cost().full().trained());
    }

    /** Needs a Python with NumPy and safetensors in LOWRANK_REFERENCE_PYTHON. */
    @Test
    void figuresAreThoseOfTheFormedUpdate() throws Exception {
        Path llama = SharedData.require("golden/llama");
        String python = System.getenv("LOWRANK_REFERENCE_PYTHON");
        assumeTrue(python != null, "no reference Python: LOWRANK_REFERENCE_PYTHON is not set");
        String ask = """
                import json, sys
                import numpy as np
                from safetensors.numpy import load_file
                one, other = (load_file(f + "/adapter_model.safetensors") for f in sys.argv[1:3])
                base = load_file(sys.argv[3] + "/model.safetensors")
                def svd(tensors, module):
                    key = "base_model.model." + module
                    b, a = (tensors[key + f".lora_{f}.weight"].astype(float) for f in "BA")
                    u, s, v = np.linalg.svd(2 * b @ a)
                    r = len(a)
                    return u[:, :r], s[:r], v[:r].T
                for key in sorted(k for k in other if "lora_A" in k):
                    module = key[len("base_model.model."):-len(".lora_A.weight")]
                    u, s, v = svd(one, module)
                    w = base[module + ".weight"].astype(float)
                    p = s / s.sum()
                    cosines = (v.T @ svd(other, module)[2]) ** 2
                    print(json.dumps([module, np.exp(-(p * np.log(p)).sum()), np.linalg.norm(s),
                        np.linalg.norm(s) / np.linalg.norm(u.T @ w @ v),
                        np.sqrt((np.linalg.svd(w)[1][:len(s)] ** 2).sum()),
                        cosines[:5, :3].sum() / 3]))
                """;
        Path one = llama.resolve("lora-all-linear-r8");
        Path other = llama.resolve("lora-attention-r4");
        Path model = llama.resolve("model");
        Process process = new ProcessBuilder(python, "-c", ask, one.toString(), other.toString(), model.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        Map<String, LayerAnalysis> ours = AdapterAnalysis.of(one, model, other).layers().stream()
                .collect(Collectors.toMap(LayerAnalysis::module, layer -> layer));
        assertThat(out.lines()).hasSize(6).allSatisfy(line -> {
            JsonNode wanted = JsonMapper.shared().readTree(line);
            LayerAnalysis layer = ours.get(wanted.get(0).stringValue());
            assertThat(layer.effectiveRank()).isCloseTo(wanted.get(1).doubleValue(), within(1e-5));
            assertThat(layer.norm()).isCloseTo(wanted.get(2).doubleValue(), within(1e-6));
            assertThat(layer.base().factor()).isCloseTo(wanted.get(3).doubleValue(), within(1e-5));
            assertThat(layer.base().inOwn()).isCloseTo(wanted.get(4).doubleValue(), Percentage.withPercentage(0.1));
            assertThat(layer.similarity().get(4).get(2)).isCloseTo(wanted.get(5).doubleValue(), within(1e-5));
        });
    }
}
