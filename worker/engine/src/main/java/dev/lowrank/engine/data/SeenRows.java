package dev.lowrank.engine.data;

import dev.lowrank.engine.CounterRandom;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Counts rows that say exactly what an earlier one says, by 64-bit fingerprints in an open table: 64 MiB at most, because
 * only so many distinct rows are remembered.
 */
final class SeenRows {
    /** Distinct rows that are remembered; those after them are not looked for. */
    static final int MOST = 1 << 22;

    private long[] table = new long[1 << 10];
    private int held;
    private long repeated;

    void add(Row row) {
        add(fingerprint(row));
    }

    void add(Example row) {
        add(mix(array(row.ids()), array(row.labels())));
    }

    void add(PreferencePair pair) {
        add(mix(
                mix(array(pair.chosen().ids()), array(pair.chosen().labels())),
                mix(array(pair.rejected().ids()), array(pair.rejected().labels()))));
    }

    /** How many rows repeated an earlier one. */
    long repeated() {
        return repeated;
    }

    private void add(long fingerprint) {
        long wanted = fingerprint == 0 ? 1 : fingerprint; // zero marks a free place
        int place = place(wanted);
        if (table[place] == wanted) {
            repeated++;
        } else if (held < MOST) {
            table[place] = wanted;
            held++;
            if (held > table.length / 2) {
                grow();
            }
        }
    }

    private int place(long fingerprint) {
        int mask = table.length - 1;
        int place = (int) fingerprint & mask;
        while (table[place] != 0 && table[place] != fingerprint) {
            place = (place + 1) & mask;
        }
        return place;
    }

    private void grow() {
        long[] old = table;
        table = new long[2 * old.length];
        for (long fingerprint : old) {
            if (fingerprint != 0) {
                table[place(fingerprint)] = fingerprint;
            }
        }
    }

    private static long fingerprint(Row row) {
        return switch (row) {
            case Row.Chat chat -> mix(mix(1, value(chat.messages())), mix(value(chat.tools()), chat.context()));
            case Row.Alpaca alpaca ->
                mix(mix(2, value(alpaca.instruction())), mix(value(alpaca.input()), value(alpaca.output())));
            case Row.Completion completion -> mix(mix(3, value(completion.prompt())), value(completion.completion()));
            case Row.Text text -> mix(4, value(text.text()));
            case Row.Tokenized tokens -> mix(array(tokens.ids()), array(tokens.labels()));
            case Row.Pair pair -> mix(mix(5, fingerprint(pair.chosen())), fingerprint(pair.rejected()));
        };
    }

    private static long value(@Nullable Object value) {
        long hash = 7;
        if (value instanceof String text) {
            for (int i = 0; i < text.length(); i++) {
                hash = mix(hash, text.charAt(i));
            }
        } else if (value instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                hash = mix(hash, mix(value(entry.getKey()), value(entry.getValue())));
            }
        } else if (value instanceof List<?> list) {
            for (Object element : list) {
                hash = mix(hash, value(element));
            }
        } else if (value != null) {
            hash = mix(hash, value.hashCode());
        }
        return hash;
    }

    private static long array(int[] values) {
        long hash = values.length;
        for (int value : values) {
            hash = mix(hash, value);
        }
        return hash;
    }

    private static long mix(long hash, long value) {
        return CounterRandom.bits(hash, value);
    }
}
