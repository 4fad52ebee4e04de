package dev.lowrank.engine.generate;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.adapter.Adapter;
import dev.lowrank.engine.adapter.Adapters;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.format.JsonFile;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tokenizer.Tokenizer;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A model folder ready to answer: its weights, tokenizer and chat template, with or without an adapter. */
public final class Assistant implements AutoCloseable {
    private static final String PROBE = "answer";

    private final ModelFolder folder;
    private final Tokenizer tokenizer;
    private final @Nullable TemplateRenderer template;
    private final Kernels kernels;
    private final Transformer model;
    private final Workspace memory;
    private final int capacity;
    private final Set<Integer> stops;
    private @Nullable Adapter adapter;
    private Generator generator;

    private Assistant(ModelFolder folder, Tokenizer tokenizer, Transformer model, Kernels kernels, int capacity) {
        this.folder = folder;
        this.tokenizer = tokenizer;
        this.kernels = kernels;
        this.model = model;
        this.memory = kernels.workspace();
        this.capacity = capacity;
        this.generator = new Generator(model, capacity, kernels);
        this.template = TemplateRenderer.of(tokenizer);
        this.stops = stops();
    }

    /** @throws InputException if the folder is not a model with a tokenizer */
    public static Assistant open(Path model, Kernels kernels) {
        return open(model, Precision.FROZEN, kernels);
    }

    /**
     * Opens a model with its weights held as an adapter's training held them.
     *
     * @throws InputException if the folder is not a model with a tokenizer
     */
    public static Assistant open(Path model, Precision precision, Kernels kernels) {
        ModelFolder folder = ModelFolder.open(model);
        Tokenizer tokenizer = Tokenizer.open(model);
        Transformer loaded = Transformer.load(folder, precision, kernels);
        return new Assistant(
                folder,
                tokenizer,
                loaded,
                kernels,
                Math.min(loaded.architecture().maxPositions(), 4096));
    }

    public Transformer model() {
        return model;
    }

    public ModelFolder folder() {
        return folder;
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    public Kernels kernels() {
        return kernels;
    }

    /** Puts on an adapter from a PEFT folder in place of the present one; null for the base alone. */
    public void use(@Nullable Path peftFolder) {
        if (adapter != null) {
            adapter.detach();
            adapter = null;
        }
        memory.release(0);
        if (peftFolder != null) {
            try (PeftFolder peft = PeftFolder.open(peftFolder)) {
                adapter = Adapters.open(peft, model, false, kernels, memory);
            }
            adapter.attach();
        }
        generator.close();
        generator = new Generator(model, capacity - model.rowsInFront(), kernels);
    }

    /**
     * The model's next turn in a conversation.
     *
     * @param messages maps with role and content
     */
    public String answer(List<Map<String, Object>> messages, Sampling sampling, int most) {
        return complete(render(messages, true), sampling, most);
    }

    /** The text that follows, up to a stop token or {@code most} tokens. */
    public String complete(String text, Sampling sampling, int most) {
        int[] answer = generator.generate(tokenizer.encode(text).ids(), sampling, stops, most);
        return tokenizer.decode(answer, true);
    }

    /** Whether conversations can be rendered. */
    public boolean hasChatTemplate() {
        return template != null;
    }

    private String render(List<Map<String, Object>> messages, boolean addGenerationPrompt) {
        if (template == null) {
            throw new InputException(
                    "%s has no chat template; add a chat_template.jinja, or give plain text with --raw."
                            .formatted(folder.path()));
        }
        return template.render(messages, null, addGenerationPrompt);
    }

    /** The tokens the configuration names as the end, and the one the chat template puts behind an answer. */
    private Set<Integer> stops() {
        Set<Integer> ids = new HashSet<>(EndTokens.of(folder.path().resolve("config.json"), folder.config()));
        Path generation = folder.path().resolve("generation_config.json");
        if (Files.exists(generation)) {
            ids.addAll(EndTokens.of(generation, JsonFile.read(generation, 1 << 20)));
        }
        String eos = tokenizer.eosToken();
        addIfPresent(ids, eos == null ? null : tokenizer.idOf(eos));
        if (template != null) {
            addIfPresent(ids, turnEnd());
        }
        return ids;
    }

    private @Nullable Integer turnEnd() {
        List<Map<String, Object>> probe = new ArrayList<>();
        probe.add(Map.of("role", "user", "content", PROBE));
        probe.add(Map.of("role", "assistant", "content", PROBE));
        String rendered = render(probe, false);
        String after =
                rendered.substring(rendered.lastIndexOf(PROBE) + PROBE.length()).strip();
        int[] ids = after.isEmpty() ? new int[0] : tokenizer.encode(after).ids();
        return ids.length > 0 && tokenizer.decode(new int[] {ids[0]}, true).isEmpty() ? ids[0] : null;
    }

    private static void addIfPresent(Set<Integer> ids, @Nullable Integer id) {
        if (id != null) {
            ids.add(id);
        }
    }

    @Override
    public void close() {
        generator.close();
        memory.close();
        model.close();
        tokenizer.close();
        folder.close();
    }
}
