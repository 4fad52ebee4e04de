package dev.lowrank.engine.analyze;

import java.util.Comparator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A module's path, taken apart by layer, so that layer 10 comes after layer 9.
 *
 * @param layer -1 outside the layers
 * @param name the path after the layer's number, such as {@code self_attn.q_proj}
 */
record ModulePath(int layer, String name, String path) implements Comparable<ModulePath> {
    private static final Pattern NUMBERED = Pattern.compile("[^0-9]*?\\.([0-9]{1,6})\\.(.+)");

    private static final Comparator<ModulePath> ORDER = Comparator.comparingInt(ModulePath::layer)
            .thenComparing(ModulePath::name)
            .thenComparing(ModulePath::path);

    static ModulePath of(String path) {
        Matcher numbered = NUMBERED.matcher(path);
        return numbered.matches()
                ? new ModulePath(Integer.parseInt(numbered.group(1)), numbered.group(2), path)
                : new ModulePath(-1, path, path);
    }

    @Override
    public int compareTo(ModulePath that) {
        return ORDER.compare(this, that);
    }
}
