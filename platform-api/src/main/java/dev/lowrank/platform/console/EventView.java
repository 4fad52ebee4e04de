package dev.lowrank.platform.console;

import dev.lowrank.db.job.JobHistory.Event;

/**
 * A message of a job's story.
 *
 * @param at the moment, as scripts read it; {@code clock} is for people
 */
record EventView(long sequence, String at, String clock, String level, String message) {
    static EventView of(Event event) {
        return new EventView(
                event.sequence(),
                event.createdAt().toString(),
                Words.clock(event.createdAt()),
                event.level(),
                event.message());
    }
}
