package dev.lowrank.engine.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** The files that must travel with what was trained, so that a server renders and tokenizes as training did. */
final class Companions {
    private static final List<String> NAMES =
            List.of("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja");

    private Companions() {}

    static void copy(Path base, Path folder) throws IOException {
        for (String name : NAMES) {
            if (Files.exists(base.resolve(name))) {
                Files.copy(base.resolve(name), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }
}
