package dev.lowrank.engine.parquet;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A struct of Thrift's compact protocol: Boolean, Long, Double, byte[], List or ThriftStruct by field number. */
final class ThriftStruct {
    private final Map<Integer, Object> fields = new HashMap<>();

    void put(int id, Object value) {
        fields.put(id, value);
    }

    boolean has(int id) {
        return fields.containsKey(id);
    }

    long number(int id) {
        if (fields.get(id) instanceof Long value) {
            return value;
        }
        throw ParquetException.damaged("a number is missing");
    }

    long number(int id, long absent) {
        return has(id) ? number(id) : absent;
    }

    /** A number that must lie in a range, both ends included. */
    int number(int id, int least, int most) {
        long value = number(id);
        if (value < least || value > most) {
            throw ParquetException.damaged("a number is %d, not %d to %d".formatted(value, least, most));
        }
        return (int) value;
    }

    boolean flag(int id, boolean absent) {
        return fields.get(id) instanceof Boolean value ? value : absent;
    }

    String text(int id) {
        if (fields.get(id) instanceof byte[] bytes) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        throw ParquetException.damaged("a name is missing");
    }

    @Nullable
    ThriftStruct struct(int id) {
        return fields.get(id) instanceof ThriftStruct struct ? struct : null;
    }

    /** The struct of a field that must be there. */
    ThriftStruct required(int id) {
        ThriftStruct struct = struct(id);
        if (struct == null) {
            throw ParquetException.damaged("a part of its description is missing");
        }
        return struct;
    }

    /** The structs of a list; none if the field is not there. */
    List<ThriftStruct> structs(int id) {
        if (!(fields.get(id) instanceof List<?> list)) {
            return List.of();
        }
        List<ThriftStruct> structs = new ArrayList<>(list.size());
        for (Object element : list) {
            if (!(element instanceof ThriftStruct struct)) {
                throw ParquetException.damaged("a list holds what it cannot");
            }
            structs.add(struct);
        }
        return structs;
    }

    /** The number of the only field, for a union; -1 if there is none. */
    int choice() {
        return fields.keySet().stream().findFirst().orElse(-1);
    }
}
