package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.Ints;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * What was uploaded to I32 tensors, kept on this side as well: ids, labels and positions are then checked at the call that uses
 * them, without waiting for the device.
 */
final class UploadedInts {
    private final Driver driver;
    private final TreeMap<Long, int[]> byAddress = new TreeMap<>();

    UploadedInts(Driver driver) {
        this.driver = driver;
    }

    /** A tensor now holds these, and whatever lay there before is gone. */
    void put(Tensor tensor, int[] values) {
        forget(tensor);
        byAddress.put(tensor.data().address(), values.clone());
    }

    /** A tensor now holds something else. */
    void forget(Tensor tensor) {
        long from = tensor.data().address();
        Map.Entry<Long, int[]> below = byAddress.lowerEntry(from);
        if (below != null && end(below.getKey(), below.getValue()) > from) {
            byAddress.remove(below.getKey());
        }
        byAddress.subMap(from, from + Math.max(1, tensor.data().byteSize())).clear();
    }

    /** What a tensor holds; what did not come from here is asked of the device. */
    int[] of(Tensor tensor) {
        long from = tensor.data().address();
        int size = Math.toIntExact(tensor.size());
        Map.Entry<Long, int[]> entry = byAddress.floorEntry(from);
        if (entry != null
                && end(entry.getKey(), entry.getValue()) >= from + tensor.data().byteSize()) {
            int begin = (int) ((from - entry.getKey()) / Integer.BYTES);
            return begin == 0 && entry.getValue().length == size
                    ? entry.getValue()
                    : Arrays.copyOfRange(entry.getValue(), begin, begin + size);
        }
        int[] values = new int[size];
        driver.download(from, MemorySegment.ofArray(values));
        return values;
    }

    /** The same one by one, looked up when the first is asked for. */
    Ints reader(Tensor tensor) {
        int[][] found = new int[1][];
        return i -> {
            if (found[0] == null) {
                found[0] = of(tensor);
            }
            return found[0][Math.toIntExact(i)];
        };
    }

    private static long end(long address, int[] values) {
        return address + (long) values.length * Integer.BYTES;
    }
}
