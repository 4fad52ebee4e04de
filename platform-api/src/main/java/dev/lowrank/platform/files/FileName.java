package dev.lowrank.platform.files;

import org.jspecify.annotations.Nullable;

/** The name a client gave to its file, for people to read; nothing on the disk is ever called by it. */
final class FileName {
    private static final int LONGEST = 255;

    private FileName() {}

    static String of(@Nullable String sent) {
        String name = sent == null ? "" : sent.substring(Math.max(sent.lastIndexOf('/'), sent.lastIndexOf('\\')) + 1);
        String plain = name.replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Cs}]", "").strip();
        if (plain.isEmpty()) {
            return "upload.jsonl";
        }
        return plain.length() <= LONGEST ? plain : plain.substring(0, LONGEST);
    }
}
