package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.tokenizer.Encoding;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * A tokenizer's folder, read and then put to work on some texts. Behind it is native code, where a mistake ends the
 * process: that there is none here says that what is checked before it is enough.
 */
final class TokenizerTarget implements FuzzTarget {
    private static final List<String> TEXTS = List.of(
            "",
            "Where does the ferry leave? At 7:05.",
            "  a\tb\r\n\u00e9 e\u0301 \u6e2f \ud83d\udea2\u200d\u00ad<|bos|><|end|> [UNK] ##s 1,000.50",
            "a".repeat(3_000),
            "\u0000\uffff\u2581\u0120 \u1e9b\u0323 \ufb01");

    @Override
    public String name() {
        return "tokenizer";
    }

    @Override
    public String defaultFile() {
        return "tokenizer.json";
    }

    @Override
    public Cost most() {
        return new Cost(16 << 20, 1000, 64 << 20, 10);
    }

    @Override
    public void read(Parts input) throws IOException {
        Path folder = Scratch.with(input);
        try (Tokenizer tokenizer = Tokenizer.open(folder)) {
            SafetensorsTarget.expect(tokenizer.vocabularySize() > 0);
            tokenizer.specialTokens();
            for (String text : TEXTS) {
                encode(tokenizer, text);
            }
            encode(tokenizer, input.text("text.txt"));
            tokenizer.decode(new int[] {0, tokenizer.vocabularySize() - 1, tokenizer.vocabularySize(), 1 << 24}, true);
        }
    }

    private static void encode(Tokenizer tokenizer, String text) {
        Encoding encoding;
        try {
            encoding = tokenizer.encode(text);
        } catch (InputException e) {
            String problem = OneSentence.problem(e.getMessage(), false);
            if (problem != null) {
                throw new AssertionError("the refusal of a text " + problem + ": " + e.getMessage(), e);
            }
            return;
        }
        SafetensorsTarget.expect(encoding.ids().length == encoding.starts().length);
        int characters = text.codePointCount(0, text.length());
        for (int start : encoding.starts()) {
            SafetensorsTarget.expect(start >= 0 && start <= characters);
        }
        for (int id : encoding.ids()) {
            SafetensorsTarget.expect(id >= 0 && id < tokenizer.vocabularySize());
        }
        tokenizer.decode(Arrays.copyOf(encoding.ids(), Math.min(encoding.ids().length, 200)), false);
    }
}
