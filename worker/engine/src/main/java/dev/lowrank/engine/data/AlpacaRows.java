package dev.lowrank.engine.data;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Reads Alpaca's rows, and writes them as a conversation or, for a base without a chat template, as Alpaca's prompt. */
final class AlpacaRows {
    /** Other tools' additions: to drop one silently would teach something else than the row says. */
    private static final List<String> FOREIGN = List.of("system", "history");

    private AlpacaRows() {}

    static Row.Alpaca read(JsonNode row) {
        for (String field : FOREIGN) {
            if (!isEmpty(row.path(field))) {
                throw new RowException(
                        field,
                        "is not part of Alpaca's format here; write the row as {\"messages\"}, where it has its place.");
            }
        }
        String instruction = PlainRows.text(row, "instruction");
        if (instruction.isEmpty()) {
            throw new RowException("instruction", "is empty; write what the model is asked, or drop the row.");
        }
        String output = PlainRows.text(row, "output");
        if (output.isEmpty()) {
            throw new RowException("output", "is empty, so there is nothing to learn; write it or drop the row.");
        }
        boolean hasInput = row.hasNonNull("input");
        return new Row.Alpaca(instruction, hasInput ? PlainRows.text(row, "input") : "", output);
    }

    private static boolean isEmpty(JsonNode value) {
        return value.isMissingNode()
                || value.isNull()
                || (value.isString() && value.stringValue().isEmpty())
                || (value.isArray() && value.isEmpty());
    }

    /** The user says the instruction and, after a blank line, the input; the assistant says the output. */
    static Row.Chat asChat(Row.Alpaca row) {
        String asked = row.input().isEmpty() ? row.instruction() : row.instruction() + "\n\n" + row.input();
        return new Row.Chat(
                List.of(ShareGptRows.message("user", asked), ShareGptRows.message("assistant", row.output())), null, 0);
    }

    /**
     * The prompt that Alpaca was trained with, and the output.
     *
     * @param end what ends the output, or null
     */
    static Row.Completion asText(Row.Alpaca row, @Nullable String end) {
        String prompt = row.input().isEmpty()
                ? """
                Below is an instruction that describes a task. Write a response that appropriately completes the request.

                ### Instruction:
                %s

                ### Response:
                """.formatted(row.instruction())
                : """
                Below is an instruction that describes a task, paired with an input that provides further context. \
                Write a response that appropriately completes the request.

                ### Instruction:
                %s

                ### Input:
                %s

                ### Response:
                """.formatted(row.instruction(), row.input());
        return new Row.Completion(prompt, end == null ? row.output() : row.output() + end);
    }
}
