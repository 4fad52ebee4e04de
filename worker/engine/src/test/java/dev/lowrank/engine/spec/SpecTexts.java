package dev.lowrank.engine.spec;

import static org.assertj.core.api.Assertions.assertThat;

/** Specs for tests: the required fields and what a test adds. */
final class SpecTexts {
    private SpecTexts() {}

    /** @param more the members of the object, without braces */
    static String with(String more) {
        return "{\"base_model\": \"b\", \"training_file\": \"t\"%s}".formatted(more.isBlank() ? "" : ", " + more);
    }

    static SpecJson.Read read(String more) {
        return SpecJson.parse(with(more));
    }

    static void assertRefused(String json, String field, String... parts) {
        SpecException refusal = null;
        try {
            SpecJson.parse(json);
        } catch (SpecException e) {
            refusal = e;
        }
        assertThat(refusal).as("refusal of %s", json).isNotNull();
        assertThat(refusal.field()).as(refusal.getMessage()).isEqualTo(field);
        // One sentence: it ends once, with a period or a question.
        assertThat(refusal.getMessage()).contains(parts).matches("(?s)\".*[.?]").doesNotContain("%");
    }
}
