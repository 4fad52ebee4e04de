package dev.lowrank.engine.train;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The base that the reference really trained on. Before it trains on a processor with bf16 products, bitsandbytes 0.50
 * packs the weights for one forward pass and unpacks them again, and so rounds every scale to bf16. Quantizing what this
 * writes gives the same codes with those scales.
 */
final class ReferenceScales {
    private static final int BLOCK = Nf4.BLOCK;

    private ReferenceScales() {}

    /** Writes the model with rounded scales into a new folder beside others. */
    static Path round(Path model, Path into) throws IOException {
        Path folder = Files.createDirectories(into.resolve("model-rounded"));
        Files.copy(model.resolve("config.json"), folder.resolve("config.json"));
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        try (ModelFolder source = ModelFolder.open(model)) {
            for (String name : source.tensorNames()) {
                long[] shape = source.info(name).shape();
                float[] values = source.floats(name);
                boolean linear = shape.length == 2 && name.contains(".layers.");
                writer.add(name, StoredType.F32, shape, linear ? rounded(values, shape) : values);
            }
            writer.write(folder.resolve("model.safetensors"));
        }
        return folder;
    }

    private static float[] rounded(float[] weight, long[] shape) {
        float[] values = dequantized(weight, shape);
        for (int from = 0; from < values.length; from += BLOCK) {
            int to = Math.min(from + BLOCK, values.length);
            float scale = 0;
            for (int i = from; i < to; i++) {
                scale = Math.max(scale, Math.abs(values[i]));
            }
            float bf16 = bf16(scale);
            for (int i = from; i < to; i++) {
                // The largest code is +-1, so its value is the scale; the others need only stay nearest to their code.
                values[i] = Math.abs(values[i]) == scale ? Math.copySign(bf16, values[i]) : values[i] / scale * bf16;
            }
        }
        return values;
    }

    private static float[] dequantized(float[] weight, long[] shape) {
        try (Kernels kernels = CpuKernels.open(1);
                Workspace memory = kernels.workspace()) {
            Tensor dense = memory.take(shape);
            kernels.upload(weight, 0, dense);
            Nf4 quantized = Nf4.allocate(memory, shape[0], shape[1], true);
            kernels.quantizeNf4(dense, quantized);
            kernels.dequantizeNf4(quantized, dense);
            float[] values = new float[weight.length];
            kernels.download(dense, values, 0);
            return values;
        }
    }

    /** To the nearest, ties to even. */
    private static float bf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat((bits + 0x7FFF + ((bits >>> 16) & 1)) & 0xFFFF0000);
    }
}
