package dev.lowrank.engine.data;

/**
 * What a row's tokens must be for a model to learn from them.
 *
 * @param vocabularySize rows of the model's embedding; every id must be below
 */
record ExampleChecks(int vocabularySize) {
    /** @throws RowException if an id is none of the model's, or no token carries loss */
    void check(Example example) {
        for (int i = 0; i < example.ids().length; i++) {
            checkId(example.ids()[i], "input_ids", i);
            if (example.labels()[i] != Example.IGNORED) {
                checkId(example.labels()[i], "labels", i);
            }
        }
        if (example.trainedTokens() == 0) {
            throw new RowException("", nothingToLearn(example));
        }
    }

    private static String nothingToLearn(Example example) {
        return example.ids().length < 2
                ? "The row has %d tokens, and learning needs two; lengthen or drop it.".formatted(example.ids().length)
                : "The row has nothing to learn from; give it an answer that carries loss (an assistant message"
                        + " without \"weight\": 0, or a label other than -100 after the first), or drop it.";
    }

    private void checkId(int id, String field, int at) {
        if (id >= vocabularySize) {
            throw new RowException(
                    "%s[%d]".formatted(field, at),
                    "is %d, but the model's vocabulary has %d tokens; tokenize with this model's own tokenizer."
                            .formatted(id, vocabularySize));
        }
    }
}
