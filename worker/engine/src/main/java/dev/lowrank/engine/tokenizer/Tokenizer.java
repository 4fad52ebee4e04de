package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.format.Sha256;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * The tokenizer of a model folder. Gives the ids and offsets that Hugging Face's fast tokenizers give with
 * {@code add_special_tokens=False}: what a text needs of special tokens, the chat template writes. May be used by several
 * threads; nothing is ever downloaded.
 */
public final class Tokenizer implements AutoCloseable {
    private static final int LARGEST_TOKENIZER = 128 << 20;
    /** So that no text makes the library's matcher give up, which would end the process. */
    private static final int LONGEST_TEXT = 4 << 20;

    private final NativeTokenizer tokens;
    private final Vocabulary vocabulary;
    private final TokenizerSettings settings;
    private final String sha256;

    private Tokenizer(NativeTokenizer tokens, Vocabulary vocabulary, TokenizerSettings settings, String sha256) {
        this.tokens = tokens;
        this.vocabulary = vocabulary;
        this.settings = settings;
        this.sha256 = sha256;
    }

    /**
     * Reads {@code tokenizer.json} and, where they are, {@code tokenizer_config.json}, {@code special_tokens_map.json} and
     * {@code chat_template.jinja}.
     *
     * @throws InputException if {@code tokenizer.json} is missing or a file is broken
     * @throws IllegalStateException if the native library cannot be loaded on this system
     */
    public static Tokenizer open(Path modelFolder) {
        Path file = modelFolder.resolve("tokenizer.json");
        byte[] bytes = TokenizerFiles.readBytes(file, LARGEST_TOKENIZER);
        String json = TokenizerFiles.decode(file, bytes);
        Vocabulary vocabulary = readVocabulary(file, json);
        TokenizerSettings settings = TokenizerSettings.read(modelFolder);
        NativeLibrary.load();
        return new Tokenizer(build(file, json), vocabulary, settings, Sha256.of(bytes));
    }

    private static Vocabulary readVocabulary(Path file, String json) {
        Vocabulary vocabulary;
        try {
            TokenizerCheck.check(TokenizerOutline.read(json));
            vocabulary = Vocabulary.read(json);
        } catch (JacksonException e) {
            throw TokenizerFiles.refusal(file, "is not valid JSON; copy it again from the base model", e);
        } catch (InputException e) {
            throw TokenizerFiles.refusal(file, e.getMessage() + "; take the base model's own tokenizer.json", e);
        }
        if (vocabulary.size() == 0) {
            throw TokenizerFiles.refusal(file, "holds no vocabulary; take the base model's own tokenizer.json", null);
        }
        return vocabulary;
    }

    private static NativeTokenizer build(Path file, String json) {
        try {
            return NativeTokenizer.of(json);
        } catch (RuntimeException e) {
            throw TokenizerFiles.refusal(
                    file,
                    "cannot be used as a tokenizer (%s); take the base model's own tokenizer.json"
                            .formatted(Quoted.of(String.valueOf(e.getMessage()), 200)),
                    e);
        }
    }

    /**
     * A text as tokens; special tokens are recognised where the text has them, none are added.
     *
     * @throws InputException if the text holds half of a surrogate pair, which is no character, has more than 4 Mi
     *     characters, or cannot be written in this vocabulary
     */
    public Encoding encode(String text) {
        if (text.length() > LONGEST_TEXT) {
            throw new InputException("The text has %d characters, more than the %d allowed; split it."
                    .formatted(text.length(), LONGEST_TEXT));
        }
        if (hasLoneSurrogate(text)) {
            throw new InputException("The text holds half of a surrogate pair (\\ud800 to \\udfff alone), which is no"
                    + " character; remove it or write the whole pair.");
        }
        return library(() -> tokens.encode(text));
    }

    private static boolean hasLoneSurrogate(String text) {
        return text.codePoints().anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
    }

    /**
     * Tokens as text; bytes that form no character become U+FFFD.
     *
     * @param skipSpecialTokens leaves out the tokens that {@code tokenizer.json} marks as special
     * @throws InputException if the tokenizer's decoder cannot write them
     * @throws IllegalArgumentException if an id is negative; ids above the vocabulary stand for no text
     */
    public String decode(int[] ids, boolean skipSpecialTokens) {
        for (int id : ids) {
            if (id < 0) {
                throw new IllegalArgumentException("Token id " + id + " is negative.");
            }
        }
        return library(() -> tokens.decode(ids, skipSpecialTokens));
    }

    private static <T> T library(Supplier<T> work) {
        try {
            return work.get();
        } catch (IllegalStateException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new InputException(
                    "The base model's tokenizer fails on a text (%s); check its tokenizer.json."
                            .formatted(Quoted.of(String.valueOf(e.getMessage()), 200)),
                    e);
        }
    }

    /** The highest id plus one; a model may have more rows than this, but must not have fewer. */
    public int vocabularySize() {
        return vocabulary.size();
    }

    /** The id of exactly this token (as {@code tokenizer.json} writes it), or null. */
    public @Nullable Integer idOf(String token) {
        return vocabulary.idOf(token);
    }

    /** The token that begins a text, or null. */
    public @Nullable String bosToken() {
        return settings.token("bos_token");
    }

    /** The token that ends a text, or null. */
    public @Nullable String eosToken() {
        return settings.token("eos_token");
    }

    /** The token that fills up short rows, or null; never used for training here, where rows are masked by length. */
    public @Nullable String padToken() {
        return settings.token("pad_token");
    }

    /** The source of the chat template, or null if the model has none. */
    public @Nullable String chatTemplate() {
        return settings.chatTemplate();
    }

    /** The special tokens a chat template is given, by name ({@code bos_token}, …), each only if it is set. */
    public Map<String, Object> specialTokens() {
        return settings.specialTokens();
    }

    /** SHA-256 of {@code tokenizer.json}, in hex. */
    public String sha256() {
        return sha256;
    }

    /** Frees the native tokenizer; using it afterwards is an {@link IllegalStateException}. */
    @Override
    public void close() {
        tokens.close();
    }
}
