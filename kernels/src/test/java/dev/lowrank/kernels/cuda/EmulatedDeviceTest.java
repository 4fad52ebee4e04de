package dev.lowrank.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.DeviceLostException;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/** The emulated device finds what it is there to find: each kernel in {@code faulty} has one fault. */
class EmulatedDeviceTest {
    private static @Nullable Path program;

    private EmulatedDriver driver;
    private Device device;
    private Workspace memory;

    @BeforeEach
    void start() {
        driver = new EmulatedDriver(program(), EmulatedKernels.ORDERS, 1);
        device = new Device(driver);
        memory = device.workspace();
    }

    private static Path program() {
        EmulatedKernels.assumeBuildable();
        if (program == null) {
            EmulatedProgram.Folders folders = EmulatedProgram.Folders.here();
            program = EmulatedProgram.of(folders, folders.device().resolve("faulty"))
                    .path();
        }
        return program;
    }

    @AfterEach
    void stop() {
        memory.close();
        device.close();
    }

    // --- access ---

    @Test
    void readsBehindATensor() {
        Tensor in = floats(32);
        Tensor out = memory.take(32);
        run(32, "readAhead", l -> l.at(in).with(0).at(out));
        assertThat(read(out)).containsExactly(read(in));
        assertFault(
                "Kernel readAhead, block 0, 0, 0, thread 31, access.cu:8: reads 4 bytes, 0 bytes behind the end of a tensor of 128 bytes.",
                () -> run(32, "readAhead", l -> l.at(in).with(1).at(out)));
    }

    @Test
    void readsBeforeATensor() {
        Tensor in = floats(32);
        Tensor out = memory.take(32);
        assertFault(
                "Kernel readAhead, block 0, 0, 0, thread 0, access.cu:8: reads 4 bytes, 4 bytes before a tensor of 128 bytes.",
                () -> run(32, "readAhead", l -> l.at(in).with(-1).at(out)));
    }

    @Test
    void writesBehindATensor() {
        Tensor out = memory.take(30);
        assertFault(
                "Kernel writeAhead, block 0, 0, 0, thread 30, access.cu:14: writes 4 bytes, 0 bytes behind the end of a tensor of 120 bytes.",
                () -> run(32, "writeAhead", l -> l.with(0).at(out)));
    }

    @Test
    void namesTheLineOfTheKernelNotOfWhatItUses() {
        Tensor out = memory.take(DType.BF16, 32);
        assertFault(
                "Kernel writeBf16Ahead, block 0, 0, 0, thread 29, access.cu:18: writes 2 bytes, 0 bytes behind the end of a tensor of 64 bytes.",
                () -> run(32, "writeBf16Ahead", l -> l.with(out).with(3)));
    }

    @Test
    void usesNoMemoryAtAll() {
        Tensor out = memory.take(32);
        assertFault(
                "Kernel readAhead, block 0, 0, 0, thread 0, access.cu:8: reads at address (nil), which is no memory of the device.",
                () -> run(32, "readAhead", l -> l.at(null).with(0).at(out)));
    }

    @Test
    void usesATensorThatWasGivenBack() {
        Tensor out = memory.take(32);
        long mark = memory.mark();
        Tensor in = floats(128);
        memory.release(mark);
        assertFault(
                "Kernel readAhead, block 0, 0, 0, thread 0, access.cu:8: reads 4 bytes, at byte 0 of a tensor of 512 bytes that was given back.",
                () -> run(32, "readAhead", l -> l.at(in).with(0).at(out)));
    }

    @Test
    void usesAWorkspaceThatWasClosed() {
        Tensor out = memory.take(32);
        Workspace other = device.workspace();
        long in = other.take(32).data().address();
        other.close();
        assertFault(
                "Kernel readAhead, block 0, 0, 0, thread 0, access.cu:8: reads 4 bytes, at byte 0 of a tensor of 128 bytes that was given back.",
                () -> run(32, "readAhead", l -> l.with(in).with(0).at(out)));
    }

    @Test
    void writesBehindASharedArray() {
        Tensor out = memory.take(32);
        run(32, "sharedAhead", l -> l.with(0).at(out));
        assertThat(read(out)).containsOnly(3);
        assertFault(
                "Kernel sharedAhead, block 0, 0, 0, thread 31, access.cu:26: writes 4 bytes, at byte 128 of shared array values, which has 128.",
                () -> run(32, "sharedAhead", l -> l.with(1).at(out)));
    }

    @Test
    void writesBehindARowOfASharedArray() {
        Tensor out = memory.take(32);
        assertFault(
                "Kernel sharedRowAhead, block 0, 0, 0, thread 31, access.cu:35: uses index 32 of an array that does not have it.",
                () -> run(32, "sharedRowAhead", l -> l.with(1).at(out)));
    }

    @Test
    void writesBehindDynamicSharedMemory() {
        Tensor out = memory.take(32);
        run(32, "dynamicAhead", l -> l.with(0).at(out).shared(128));
        assertThat(read(out)).containsOnly(1);
        assertFault(
                "Kernel dynamicAhead, block 0, 0, 0, thread 31, access.cu:45: writes 4 bytes, at byte 128 of dynamic shared memory, of which the block has 128.",
                () -> run(32, "dynamicAhead", l -> l.with(1).at(out).shared(128)));
    }

    @Test
    void writesBehindAnArrayOfItsOwn() {
        Tensor out = memory.take(32);
        assertFault(
                "Kernel ownAhead, block 0, 0, 0, thread 0, access.cu:54: writes 4 bytes, outside of the thread's own array.",
                () -> run(32, "ownAhead", l -> l.with(4).at(out)));
    }

    @Test
    void readsAVectorThatIsNotAligned() {
        Tensor in = floats(32);
        Tensor out = memory.take(32);
        run(32, "fourFrom", l -> l.at(in).with(4).at(out));
        String address = Long.toHexString(in.data().address() + 8);
        assertFault(
                "Kernel fourFrom, block 0, 0, 0, thread 0, access.cu:65: uses memory at address 0x%s as if that were a multiple of 16."
                        .formatted(address),
                () -> run(32, "fourFrom", l -> l.at(in).with(2).at(out)));
    }

    @Test
    void loadsRowsThatAreNotAligned() {
        Tensor out = memory.take(32);
        run(32, "loadUnaligned", l -> l.with(0).at(out));
        assertThat(fault(() -> run(32, "loadUnaligned", l -> l.with(8).at(out))))
                .startsWith("Kernel loadUnaligned, block 0, 0, 0, thread 0, access.cu:85: uses memory at address 0x")
                .endsWith(" as if that were a multiple of 16.");
    }

    @Test
    void copiesFromBehindATensor() {
        Tensor in = floats(128);
        Tensor out = memory.take(32);
        run(32, "copyAhead", l -> l.at(in).with(0).at(out));
        assertThat(read(out)).containsExactly(Arrays.copyOf(read(in), 32));
        assertFault(
                "Kernel copyAhead, block 0, 0, 0, thread 31, access.cu:92: reads 4 bytes, 0 bytes behind the end of a tensor of 512 bytes.",
                () -> run(32, "copyAhead", l -> l.at(in).with(1).at(out)));
    }

    @Test
    void whatNobodyHasWrittenIsNaN() {
        Tensor in = memory.take(32);
        Tensor out = memory.take(32);
        run(32, "readAhead", l -> l.at(in).with(0).at(out));
        assertThat(read(out)).containsOnly(Float.NaN);
    }

    @Test
    void sharedMemoryThatNobodyHasWrittenIsNaN() {
        Tensor out = memory.take(32);
        for (int again = 0; again < 2; again++) {
            run(32, "addToShared", l -> l.at(floats(32)).at(out));
            assertThat(read(out)).containsOnly(Float.NaN);
        }
    }

    // --- order ---

    @Test
    void lacksABarrier() {
        Tensor in = floats(64);
        Tensor out = memory.take(64);
        run(64, "turned", l -> l.at(in).with(1).at(out));
        assertThat(read(out)).startsWith(63, 62).endsWith(1, 0);
        assertFault(
                "The emulated device finds that the result of kernel turned depends on the order of blocks and threads, first in byte 0 of a tensor of 256.",
                () -> run(64, "turned", l -> l.at(in).with(0).at(out)));
    }

    @Test
    void lacksABarrierBetweenTwoSums() {
        Tensor in = floats(128);
        Tensor out = memory.take(64);
        run(64, "twoSums", l -> l.at(in).with(1).at(out));
        assertThat(read(out)).containsOnly(496 + 1520 + 2 * 2544 + 3568);
        assertThat(fault(() -> run(64, "twoSums", l -> l.at(in).with(0).at(out))))
                .startsWith("The emulated device finds that the result of kernel twoSums depends on the order");
    }

    @Test
    void lacksABarrierOfAWarp() {
        Tensor values = floats(64);
        run(64, "turnedInWarp", l -> l.with(1).at(values));
        assertThat(read(values)).startsWith(31, 30).endsWith(33, 32);
        assertThat(fault(() -> run(64, "turnedInWarp", l -> l.with(0).at(values))))
                .startsWith("The emulated device finds that the result of kernel turnedInWarp depends on the order");
    }

    @Test
    void doesNotWaitForCopies() {
        Tensor in = floats(256);
        Tensor out = memory.take(64);
        run(64, "copied", l -> l.at(in).with(1).at(out));
        assertThat(read(out)).startsWith(0, 4).endsWith(252);
        run(64, "copied", l -> l.at(in).with(0).at(out));
        assertThat(read(out)).containsOnly(Float.NaN);
    }

    @Test
    void blocksWriteTheSamePlace() {
        Tensor out = floats(8);
        device.launch("lastBlock").at(out).run(1, 1, 1, 64);
        assertThat(read(out)).startsWith(0);
        assertFault(
                "The emulated device finds that the result of kernel lastBlock depends on the order of blocks and threads, first in byte 3 of a tensor of 32.",
                () -> device.launch("lastBlock").at(out).run(3, 1, 1, 64));
    }

    @Test
    void blocksReadWhatOthersWrite() {
        Tensor out = floats(8);
        assertThat(fault(() -> device.launch("sumOfBlocks").at(out).run(1, 3, 2, 64)))
                .isEqualTo("nothing"); // All have the same blockIdx.x.
        assertThat(fault(() -> device.launch("sumOfBlocks").at(out).run(4, 1, 1, 64)))
                .startsWith("The emulated device finds that the result of kernel sumOfBlocks depends on the order");
    }

    // --- meeting ---

    @Test
    void aBarrierThatLanesOfAWarpDoNotReach() {
        assertFault(
                "Kernel barrierOfSome, block 0, 0, 0, thread 32, meeting.cu:7: waits at a barrier that thread 40 does not come to: that one has ended.",
                () -> run(64, "barrierOfSome", l -> l.at(floats(64))));
    }

    @Test
    void aBarrierThatAWarpDoesNotReach() {
        assertFault(
                "Kernel barrierOfOneWarp, block 0, 0, 0, thread 0, meeting.cu:15: waits at a barrier that thread 32 does not come to: that one has ended.",
                () -> run(64, "barrierOfOneWarp", l -> l.at(floats(64))));
    }

    @Test
    void warpsAtDifferentBarriers() {
        assertFault(
                "Kernel twoBarriers, block 0, 0, 0, thread 0, meeting.cu:23: waits at a barrier that thread 32 does not come to: that one waits at a barrier in meeting.cu:26.",
                () -> run(64, "twoBarriers", l -> l.at(floats(64))));
    }

    @Test
    void lanesAtDifferentWarpOperations() {
        assertFault(
                "Kernel twoOperations, block 0, 0, 0, thread 0, meeting.cu:35: waits in an operation of its warp that thread 1 does not come to: that one waits in an operation of its warp in meeting.cu:37.",
                () -> run(64, "twoOperations", l -> l.at(floats(64))));
    }

    @Test
    void aSumThatALaneIsMissingIn() {
        assertFault(
                "Kernel sumOfSome, block 0, 0, 0, thread 32, meeting.cu:46: waits in an operation of its warp that thread 45 does not come to: that one has ended.",
                () -> run(64, "sumOfSome", l -> l.at(floats(64))));
    }

    @Test
    void aWarpOperationWithoutTheWholeWarp() {
        assertFault(
                "Kernel halfAWarp, block 0, 0, 0, thread 0, meeting.cu:52: does a warp operation without the whole warp.",
                () -> run(64, "halfAWarp", l -> l.at(floats(64))));
    }

    @Test
    void threadsThatWaitForEachOther() {
        assertThat(fault(() -> run(64, "deadlock", l -> l.at(floats(64)))))
                .matches(
                        "Kernel deadlock, block 0, 0, 0, thread 32, meeting.cu:6[23]: does not end: it has run for 1 seconds\\.");
    }

    // --- launches ---

    @Test
    void aKernelThatIsNotThere() {
        assertThatThrownBy(() -> device.launch("nowhere").run(1, 1, 1, 32))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("There is no kernel nowhere.");
    }

    @Test
    void otherParametersThanTheKernelTakes() {
        assertFault(
                "The emulated device gives kernel lastBlock 16 bytes of parameters, and it takes 8.",
                () -> run(32, "lastBlock", l -> l.with(1).with(2)));
    }

    @Test
    void blocksThatNoDeviceHas() {
        assertFault(
                "The emulated device cannot run kernel lastBlock on 1 x 1 x 1 blocks of 33 threads.",
                () -> run(33, "lastBlock", l -> l.with(0L)));
    }

    @Test
    void moreSharedMemoryThanABlockHas() {
        assertFault(
                "The emulated device cannot run kernel lastBlock: 300000 bytes of shared memory are more than a block has.",
                () -> run(32, "lastBlock", l -> l.with(0L).shared(300_000)));
    }

    // --- afterwards ---

    @Test
    void isLostForEveryCallAfterAFault() {
        Tensor tensor = floats(64);
        String fault = fault(() -> run(64, "barrierOfSome", l -> l.at(tensor)));
        long address = tensor.data().address();
        MemorySegment values = MemorySegment.ofArray(new float[64]);
        for (Runnable each : List.<Runnable>of(
                () -> driver.allocate(64),
                () -> driver.taken(address, 4),
                () -> driver.upload(values, address),
                () -> driver.download(address, values),
                () -> driver.copy(address, address, 4),
                () -> driver.zero(address, 4),
                () -> run(64, "lastBlock", l -> l.at(tensor)))) {
            assertFault(fault, each);
        }
        driver.given(address, 4);
        driver.close();
        driver.close();
        assertThat(driver.process().isAlive()).isFalse();
    }

    /** A launch nobody has waited for: also when the device is closed, its fault is said, and nothing of it stays. */
    @Test
    void saysWhenItIsClosedWhatNobodyHasWaitedFor() throws IOException {
        EmulatedDriver other = new EmulatedDriver(program(), 2, 1);
        long address = other.allocate(256);
        other.taken(address, 256);
        try (Arena arena = Arena.ofConfined()) {
            new Launch(other, arena.allocate(64, 8))
                    .of("barrierOfSome")
                    .with(address)
                    .run(1, 1, 1, 64);
        }
        assertThatThrownBy(other::close)
                .isInstanceOf(DeviceLostException.class)
                .hasMessageStartingWith("Kernel barrierOfSome");
        other.close();
        assertThat(other.process().isAlive()).isFalse();
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void isLostWhenItsProcessIs() {
        driver.process().toHandle().destroyForcibly();
        driver.process().onExit().join();
        assertFault("The emulated device ended without a word.", () -> floats(1));
    }

    @Test
    void leavesNothingBehind() throws IOException {
        assertThat(leftovers()).isEmpty();
        driver.close();
        assertThat(driver.process().isAlive()).isFalse();
    }

    @Test
    void withoutACompilerTestsAreSkippedAndSayWhy() {
        assertThatThrownBy(() -> EmulatedKernels.assumeBuildable("no-such-compiler"))
                .isInstanceOf(TestAbortedException.class)
                .hasMessageContaining(
                        "This was not run: there is no no-such-compiler to build the emulated device with.");
    }

    // --- helpers ---

    private void run(int threads, String kernel, Consumer<Launch> parameters) {
        Launch launch = device.launch(kernel);
        parameters.accept(launch);
        launch.run(1, 1, 1, threads);
    }

    private void assertFault(String message, Runnable use) {
        assertThat(fault(use)).isEqualTo(message);
    }

    /** What the device says when it is lost by this, or when it is next asked something. */
    private String fault(Runnable use) {
        DeviceLostException lost = catchThrowableOfType(DeviceLostException.class, () -> {
            use.run();
            driver.allocate(1);
        });
        return lost == null ? "nothing" : lost.getMessage();
    }

    /** Files of devices of this process. */
    private static List<Path> leftovers() throws IOException {
        List<Path> found = new ArrayList<>();
        for (Path folder : List.of(Path.of("/dev/shm"), Path.of(System.getProperty("java.io.tmpdir")))) {
            if (Files.isDirectory(folder)) {
                try (Stream<Path> all = Files.list(folder)) {
                    all.filter(file -> file.getFileName().toString().startsWith(EmulatedDriver.FILES))
                            .forEach(found::add);
                }
            }
        }
        return found;
    }

    /** 0, 1, 2 and so on. */
    private Tensor floats(int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = i;
        }
        Tensor tensor = memory.take(n);
        device.upload(MemorySegment.ofArray(values), tensor);
        return tensor;
    }

    private float[] read(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        device.download(tensor, MemorySegment.ofArray(values));
        return values;
    }
}
