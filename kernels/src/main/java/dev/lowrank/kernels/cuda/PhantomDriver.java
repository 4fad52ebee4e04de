package dev.lowrank.kernels.cuda;

import java.lang.foreign.MemorySegment;

/** A device without memory and without work: places are given out, and what is read is zero. */
final class PhantomDriver implements Driver {
    private static final long FIRST = 1L << 48;

    private final Driver like;
    private long next = FIRST;

    PhantomDriver(Driver like) {
        this.like = like;
    }

    @Override
    public String name() {
        return like.name();
    }

    @Override
    public int blocks() {
        return like.blocks();
    }

    @Override
    public long freeBytes() {
        return like.freeBytes();
    }

    @Override
    public long allocate(long bytes) {
        long address = next;
        next = Math.addExact(next, bytes);
        return address;
    }

    @Override
    public void free(long address) {}

    @Override
    public long gap() {
        return like.gap();
    }

    @Override
    public void upload(MemorySegment source, long target) {}

    @Override
    public void download(long source, MemorySegment target) {
        target.fill((byte) 0);
    }

    @Override
    public void copy(long source, long target, long bytes) {}

    @Override
    public void zero(long address, long bytes) {}

    @Override
    public void run(Launch launch) {}

    @Override
    public void close() {}
}
