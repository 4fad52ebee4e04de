package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class TeamTest {
    @Test
    void givesEveryItemToExactlyOnePartAndAlwaysTheSame() {
        try (Team team = new Team(3)) {
            for (int items : new int[] {0, 1, 2, 3, 15, 16, 17, 48, 49, 1000}) {
                AtomicIntegerArray counts = new AtomicIntegerArray(items);
                int[] owners = new int[items]; // one more than the part
                for (int round = 0; round < 20; round++) {
                    team.split(items, 16, 3, (part, from, to) -> {
                        for (int i = (int) from; i < to; i++) {
                            counts.incrementAndGet(i);
                            assertThat(owners[i]).isIn(0, part + 1);
                            owners[i] = part + 1;
                        }
                    });
                }
                for (int i = 0; i < items; i++) {
                    assertThat(counts.get(i)).isEqualTo(20);
                }
            }
        }
    }

    /** Whether its thread is awake, asleep or just about to wake when the caller is through with its own part. */
    @Test
    void doesEachPartOnceHoweverLateItsThreadIs() {
        try (Team team = new Team(2)) {
            AtomicIntegerArray done = new AtomicIntegerArray(2);
            for (int round = 1; round <= 50_000; round++) {
                if (round % 10_000 == 0) {
                    awaitSleep("kernels-1");
                }
                team.run(2, done::incrementAndGet);
                assertThat(done.get(0)).isEqualTo(round);
                assertThat(done.get(1)).isEqualTo(round);
            }
        }
    }

    private static void awaitSleep(String name) {
        Thread thread = Thread.getAllStackTraces().keySet().stream()
                .filter(one -> one.getName().equals(name))
                .findFirst()
                .orElseThrow();
        while (thread.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
    }

    @Test
    void passesOnWhatFailedInAnyThreadAndWorksOn() {
        try (Team team = new Team(3)) {
            for (int failing = 0; failing < 3; failing++) {
                int bad = failing;
                assertThatThrownBy(() -> team.run(3, part -> {
                            if (part == bad) {
                                throw new ArithmeticException("part " + part);
                            }
                        }))
                        .isInstanceOf(ArithmeticException.class)
                        .hasMessage("part " + bad);
                AtomicIntegerArray done = new AtomicIntegerArray(3);
                team.run(3, done::incrementAndGet);
                assertThat(done).hasToString("[1, 1, 1]");
            }
        }
    }

    @Test
    void waitsForAllPartsEvenWhenInterrupted() {
        try (Team team = new Team(2)) {
            CountDownLatch workerHasBegun = new CountDownLatch(1); // or the caller would do its part
            CountDownLatch callerIsDone = new CountDownLatch(1);
            AtomicIntegerArray done = new AtomicIntegerArray(2);
            Thread.currentThread().interrupt();
            team.run(2, part -> {
                if (part == 0) {
                    while (workerHasBegun.getCount() > 0) {
                        Thread.onSpinWait();
                    }
                    callerIsDone.countDown();
                } else {
                    workerHasBegun.countDown();
                    await(callerIsDone);
                }
                done.incrementAndGet(part);
            });
            assertThat(done).hasToString("[1, 1]");
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void keepsScratchApartAndReusesIt() {
        try (Team team = new Team(2)) {
            long first = team.scratch(0, 1000).address();
            assertThat(team.scratch(0, 500).address()).isEqualTo(first);
            assertThat(team.scratch(1, 500).address()).isNotEqualTo(first);
            assertThat(team.scratch(0, 5000).byteSize()).isGreaterThanOrEqualTo(5000);
        }
    }

    @Test
    void refusesWorkOnceClosed() {
        Team team = new Team(2);
        team.close();
        assertThatIllegalStateException().isThrownBy(() -> team.run(2, part -> {}));
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
