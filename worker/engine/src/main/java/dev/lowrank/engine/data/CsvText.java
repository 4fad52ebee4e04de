package dev.lowrank.engine.data;

import java.io.FilterReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** The characters of a CSV file: strict UTF-8 without its byte order mark, lines and quotes counted. */
final class CsvText extends FilterReader {
    private boolean begun;
    private long lineFeeds;
    private long quotes;

    /** Bytes that are no UTF-8. */
    static final class BadCharacters extends IOException {
        private static final long serialVersionUID = 1;
    }

    CsvText(InputStream in) {
        super(new InputStreamReader(
                in,
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT)));
    }

    /** Lines begun so far; the last one may be empty. */
    long lines() {
        return lineFeeds + 1;
    }

    /** Whether every quote so far has another. */
    boolean quotesArePaired() {
        return quotes % 2 == 0;
    }

    @Override
    public int read() throws IOException {
        char[] one = new char[1];
        return read(one, 0, 1) < 0 ? -1 : one[0];
    }

    @Override
    public int read(char[] into, int from, int count) throws IOException {
        int read;
        try {
            read = super.read(into, from, count);
            if (!begun && read > 0) {
                begun = true;
                if (into[from] == '\uFEFF') {
                    System.arraycopy(into, from + 1, into, from, read - 1);
                    read = read > 1 ? read - 1 : super.read(into, from, count);
                }
            }
        } catch (CharacterCodingException e) {
            throw new BadCharacters();
        }
        for (int i = from; i < from + read; i++) {
            lineFeeds += into[i] == '\n' ? 1 : 0;
            quotes += into[i] == '"' ? 1 : 0;
        }
        return read;
    }
}
