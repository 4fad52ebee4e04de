package dev.lowrank.engine.train;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.function.Function;

/** Every weight of the base. */
final class FullTrainee implements Trainee {
    private final ModelSource source;
    private final DType compute;
    private final Kernels kernels;
    private final Transformer model;
    private final Workspace memory;

    FullTrainee(ModelSource source, DType compute, Kernels kernels) {
        this.source = source;
        this.compute = compute;
        this.kernels = kernels;
        this.model = Transformer.load(source, Precision.trainable(compute), kernels);
        this.memory = kernels.workspace();
    }

    @Override
    public Transformer model() {
        return model;
    }

    @Override
    public List<Parameter> trainable() {
        return List.copyOf(model.parameters().values());
    }

    @Override
    public Workspace memory() {
        return memory;
    }

    /** The weights have moved, so the base is loaded once more. */
    @Override
    public <T> T withBase(Function<Transformer, T> use) {
        try (Transformer untouched = Transformer.load(source, Precision.frozen(compute), kernels)) {
            return use.apply(untouched);
        }
    }

    /** A model folder like the base's, each weight stored in the type the base stores it in. */
    @Override
    public void write(ModelFolder base, Path folder) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        for (Parameter parameter : model.parameters().values()) {
            StoredType dtype = base.info(storedName(base, parameter.name())).dtype();
            writer.add(parameter.name(), dtype, parameter.value().shape(), () -> {
                float[] values = new float[Math.toIntExact(parameter.value().size())];
                kernels.download(parameter.value(), values, 0);
                return values;
            });
        }
        writer.write(folder.resolve("model.safetensors"));
        for (String name : List.of("config.json", "generation_config.json")) {
            if (Files.exists(base.path().resolve(name))) {
                Files.copy(base.path().resolve(name), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Companions.copy(base.path(), folder);
    }

    /** Some files leave out the first part of every name (GPT-2's early ones). */
    private static String storedName(ModelFolder base, String name) {
        return base.tensorNames().contains(name) ? name : name.substring(name.indexOf('.') + 1);
    }

    @Override
    public void close() {
        memory.close();
        model.close();
    }
}
