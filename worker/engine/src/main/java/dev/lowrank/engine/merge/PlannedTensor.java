package dev.lowrank.engine.merge;

import dev.lowrank.engine.format.StoredType;

/**
 * One tensor of the merged folder.
 *
 * @param copied whether its bytes are the base's own
 */
@SuppressWarnings("ArrayRecordComponent") // A shape; nobody compares two of them.
record PlannedTensor(String name, StoredType type, long[] shape, boolean copied) {
    long bytes() {
        long count = 1;
        for (long extent : shape) {
            count = Math.multiplyExact(count, extent);
        }
        return Math.multiplyExact(count, type.bits()) / 8;
    }
}
