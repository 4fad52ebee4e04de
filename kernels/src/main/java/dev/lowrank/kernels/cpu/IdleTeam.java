package dev.lowrank.kernels.cpu;

/** As large as another team, and does nothing: an operation then only makes ready what it would work with. */
final class IdleTeam extends Team {
    IdleTeam(int size) {
        super(size, 0);
    }

    @Override
    void begin() {}

    @Override
    void split(long items, long multiple, int parts, Share share) {}

    @Override
    void run(int parts, Task work) {}
}
