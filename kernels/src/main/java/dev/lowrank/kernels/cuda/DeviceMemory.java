package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.memory.MemorySource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of a device as segments, which are handles: they have addresses and sizes, end with their workspace, and only the
 * device's kernels may follow them.
 */
final class DeviceMemory implements MemorySource {
    private static final long ALIGNMENT = 256;

    private final Driver driver;

    DeviceMemory(Driver driver) {
        this.driver = driver;
    }

    @Override
    public MemorySegment allocate(Arena arena, long bytes) {
        long address = driver.allocate(bytes);
        return MemorySegment.ofAddress(address).reinterpret(bytes, arena, memory -> driver.free(address));
    }

    @Override
    public long alignment() {
        return ALIGNMENT;
    }

    @Override
    public long gap() {
        return driver.gap();
    }

    /** What a device has given is there. */
    @Override
    public void secure(MemorySegment memory) {}

    @Override
    public void taken(MemorySegment memory) {
        driver.taken(memory.address(), memory.byteSize());
    }

    @Override
    public void given(MemorySegment chunk, long from, long to) {
        driver.given(chunk.address() + from, to - from);
    }
}
