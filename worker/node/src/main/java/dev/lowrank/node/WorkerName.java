package dev.lowrank.node;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Who this process is; a new one after each start, so that nobody mistakes it for the one before. */
record WorkerName(String id) {
    static WorkerName random() {
        byte[] bytes = new byte[6];
        new SecureRandom().nextBytes(bytes);
        return new WorkerName("worker-" + HexFormat.of().formatHex(bytes));
    }
}
