package dev.lowrank.db.queue;

import java.util.Locale;

/** What an attempt is doing, in this order. */
public enum Phase {
    /** Finds the base and the files, loads them, and plans. */
    PREPARE,
    /** Takes optimizer steps. */
    TRAIN,
    /** Measures the held-out rows. */
    EVALUATE,
    /** Reads the result again and proves that it is sound. */
    VERIFY,
    /** Stores the result and makes it a version. */
    REGISTER;

    /** As it stands in the database. */
    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
