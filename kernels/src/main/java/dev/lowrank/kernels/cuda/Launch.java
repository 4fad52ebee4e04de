package dev.lowrank.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One launch of a kernel, written down parameter by parameter and then run over a grid. A device has one of these, so a launch is
 * begun after the one before was run. Each parameter begins at a multiple of eight bytes.
 */
final class Launch {
    static final int THREADS = 256;
    static final int WARP = 32;

    private static final int EACH = 4; // elements that a thread of an elementwise kernel takes at once
    private static final int MOST_PARAMETERS = 32;

    private final Driver driver;
    private final MemorySegment parameters;
    private final int[] offsets = new int[MOST_PARAMETERS];
    private String kernel = "";
    private int count;
    private int bytes;
    private int x;
    private int y;
    private int z;
    private int threads;
    private int shared;

    /** @param parameters memory for the parameters, which the driver reads */
    Launch(Driver driver, MemorySegment parameters) {
        this.driver = driver;
        this.parameters = parameters;
    }

    /** Begins. */
    Launch of(String kernel) {
        this.kernel = kernel;
        count = 0;
        bytes = 0;
        shared = 0;
        return this;
    }

    /** Real numbers, F32 or BF16, with their type; null for a tensor that is not there. */
    Launch with(@Nullable Tensor reals) {
        begin(2 * Long.BYTES);
        parameters.set(JAVA_LONG, bytes, address(reals));
        parameters.set(JAVA_LONG, bytes + Long.BYTES, reals != null && reals.dtype() == DType.BF16 ? 1 : 0);
        return end(2 * Long.BYTES);
    }

    /** The address of a tensor whose type the kernel knows; null for one that is not there. */
    Launch at(@Nullable Tensor tensor) {
        return with(address(tensor));
    }

    /** A structure of numbers and addresses, of eight bytes each. */
    Launch structure(long... members) {
        begin(members.length * Long.BYTES);
        for (int i = 0; i < members.length; i++) {
            parameters.setAtIndex(JAVA_LONG, bytes / Long.BYTES + i, members[i]);
        }
        return end(members.length * Long.BYTES);
    }

    Launch with(long value) {
        begin(Long.BYTES);
        parameters.set(JAVA_LONG, bytes, value);
        return end(Long.BYTES);
    }

    Launch with(int value) {
        begin(Long.BYTES);
        parameters.set(JAVA_INT, bytes, value);
        return end(Long.BYTES);
    }

    Launch with(float value) {
        begin(Long.BYTES);
        parameters.set(JAVA_FLOAT, bytes, value);
        return end(Long.BYTES);
    }

    Launch with(boolean value) {
        return with(value ? 1 : 0);
    }

    /** Dynamic shared memory of a block, in bytes. */
    Launch shared(int bytes) {
        shared = bytes;
        return this;
    }

    /** Runs a kernel whose threads stride over so many elements, four at a time. */
    void overElements(long n) {
        run(blocks(n), 1, 1, THREADS);
    }

    /** Runs a kernel whose blocks stride over so many rows, with no more threads than a row has elements. */
    void overRows(int rows, int columns) {
        run(rows, 1, 1, Math.clamp(Math.ceilDiv(columns, WARP) * WARP, WARP, THREADS));
    }

    /** Runs a kernel whose warps stride over so many jobs. */
    void overWarps(long jobs) {
        run((int) Math.min(driver.blocks(), Math.ceilDiv(jobs, (long) THREADS / WARP)), 1, 1, THREADS);
    }

    /** Runs a kernel with a thread for each column. */
    void overColumns(int columns) {
        run(Math.ceilDiv(columns, WARP), 1, 1, WARP);
    }

    /** How many blocks go over so many elements: the same for the same number, always. */
    int blocks(long n) {
        return (int) Math.min(driver.blocks(), Math.ceilDiv(n, (long) THREADS * EACH));
    }

    /** Runs a kernel over a grid of blocks, or does nothing where there are none. */
    void run(int x, int y, int z, int threads) {
        if (x == 0 || y == 0 || z == 0) {
            return;
        }
        this.x = x;
        this.y = y;
        this.z = z;
        this.threads = threads;
        driver.run(this);
    }

    String kernel() {
        return kernel;
    }

    int x() {
        return x;
    }

    int y() {
        return y;
    }

    int z() {
        return z;
    }

    int threads() {
        return threads;
    }

    int shared() {
        return shared;
    }

    /** Where in {@link #parameters} each of them begins. */
    int[] offsets() {
        return offsets;
    }

    int count() {
        return count;
    }

    /** All parameters so far. */
    MemorySegment parameters() {
        return parameters.asSlice(0, bytes);
    }

    private void begin(int size) {
        if (count == MOST_PARAMETERS || bytes + size > parameters.byteSize()) {
            throw new IllegalStateException("Kernel %s has too many parameters.".formatted(kernel));
        }
        offsets[count] = bytes;
        count++;
    }

    private Launch end(int size) {
        bytes += size;
        return this;
    }

    private static long address(@Nullable Tensor tensor) {
        return tensor == null ? 0 : tensor.data().address();
    }
}
