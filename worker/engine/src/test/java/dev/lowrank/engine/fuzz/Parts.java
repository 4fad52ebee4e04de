package dev.lowrank.engine.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The files of one input. A line {@code === NAME} begins a file; what stands before the first such line belongs to the
 * target's own default file, so that an input of one file needs no such line.
 */
record Parts(Map<String, byte[]> files) {
    private static final Pattern HEAD = Pattern.compile("(?:^|\n)=== ([A-Za-z0-9_][A-Za-z0-9._-]{0,60})\n");

    static Parts of(byte[] input, String defaultName) {
        // One character a byte, so that positions are those of the bytes.
        String text = new String(input, StandardCharsets.ISO_8859_1);
        Map<String, byte[]> files = new LinkedHashMap<>();
        String name = defaultName;
        int from = 0;
        Matcher head = HEAD.matcher(text);
        for (int at = 0; head.find(at); at = head.end() - 1) {
            if (head.start() > 0 || !name.equals(defaultName)) {
                files.put(
                        name,
                        text.substring(Math.min(from, head.start()), head.start())
                                .getBytes(StandardCharsets.ISO_8859_1));
            }
            name = head.group(1);
            from = head.end();
        }
        if (from <= text.length()) {
            files.put(name, text.substring(from).getBytes(StandardCharsets.ISO_8859_1));
        }
        return new Parts(files);
    }

    byte[] bytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        files.forEach((name, content) -> {
            out.writeBytes(((out.size() == 0 ? "" : "\n") + "=== " + name + "\n").getBytes(StandardCharsets.US_ASCII));
            out.writeBytes(content);
        });
        return out.toByteArray();
    }

    byte[] get(String name) {
        return files.getOrDefault(name, new byte[0]);
    }

    /** The file as text; bytes that are no UTF-8 become U+FFFD. */
    String text(String name) {
        return new String(get(name), StandardCharsets.UTF_8);
    }
}
