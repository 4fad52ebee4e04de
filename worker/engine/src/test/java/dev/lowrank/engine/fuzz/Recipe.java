package dev.lowrank.engine.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An input made by changing a sound one where its form allows changes, so that it gets past the first parser. What a
 * recipe makes depends on the inputs that are kept; what is kept is therefore never a recipe.
 */
final class Recipe {
    /** No sound input begins with it. */
    static final byte MARK = (byte) 0xfe;

    private Recipe() {}

    static boolean isOne(byte[] input) {
        return input.length > 1 && input[0] == MARK;
    }

    static byte[] follow(byte[] recipe, List<Parts> sound) {
        return follow(new Choices(recipe, 1), sound);
    }

    static byte[] follow(Choices choices, List<Parts> sound) {
        Parts parts = choices.of(sound);
        Map<String, byte[]> changed = new LinkedHashMap<>(parts.files());
        for (String name : parts.files().keySet()) {
            if (changed.size() == 1 || choices.oneIn(2)) {
                changed.put(name, change(name, parts.get(name), choices));
            }
        }
        if (changed.size() > 1 && choices.oneIn(24)) {
            changed.remove(choices.of(List.copyOf(changed.keySet())));
        }
        return new Parts(changed).bytes();
    }

    private static byte[] change(String name, byte[] content, Choices choices) {
        return switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "json" -> JsonEdits.edit(content, choices);
            case "jsonl" -> lines(content, choices);
            case "jinja" ->
                choices.oneIn(8)
                        ? ByteEdits.edit(content, choices)
                        : TemplateGrammar.write(choices).getBytes(StandardCharsets.UTF_8);
            case "safetensors" -> safetensors(content, choices);
            default -> ByteEdits.edit(content, choices);
        };
    }

    private static byte[] lines(byte[] content, Choices choices) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        String[] lines = new String(content, StandardCharsets.UTF_8).split("\n");
        for (int i = choices.below(4); i >= 0; i--) {
            byte[] line = lines[choices.below(lines.length)].getBytes(StandardCharsets.UTF_8);
            out.writeBytes(choices.oneIn(4) ? line : JsonEdits.edit(line, choices));
            out.write('\n');
        }
        return out.toByteArray();
    }

    /** Changes the header and gives it its true length. */
    private static byte[] safetensors(byte[] content, Choices choices) {
        ByteBuffer in = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        if (content.length < 10 || in.getLong(0) < 2 || in.getLong(0) > content.length - 8 || choices.oneIn(8)) {
            return ByteEdits.edit(content, choices);
        }
        int length = (int) in.getLong(0);
        byte[] header = JsonEdits.edit(Arrays.copyOfRange(content, 8, 8 + length), choices);
        int data = content.length - 8 - length;
        int kept = choices.oneIn(4) ? choices.below(data + 64) : data;
        ByteBuffer out = ByteBuffer.allocate(8 + header.length + kept).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(header.length).put(header).put(content, 8 + length, Math.min(kept, data));
        return out.array();
    }
}
