package dev.lowrank.db.queue;

import java.util.Locale;

/** Names of adapters: lower-case letters, digits, dot, dash and underscore, at most 128 of them. */
public final class AdapterName {
    private static final int LONGEST = 128;

    private AdapterName() {}

    /** The nearest name to what a person wrote; "adapter" if nothing of it can stand in a name. */
    public static String of(String text) {
        String name = text.toLowerCase(Locale.ROOT)
                .replaceAll("[^a-z0-9._-]+", "-")
                .replaceAll("^[^a-z0-9]+", "")
                .replaceAll("-+$", "");
        return name.isEmpty() ? "adapter" : shortened(name, LONGEST);
    }

    /** The name of an adapter whose plain name belongs to another base. */
    static String onBase(String name, String base) {
        return shortened(name, LONGEST / 2) + "-" + shortened(of(base), LONGEST / 2 - 1);
    }

    private static String shortened(String name, int length) {
        return name.length() <= length ? name : name.substring(0, length);
    }
}
