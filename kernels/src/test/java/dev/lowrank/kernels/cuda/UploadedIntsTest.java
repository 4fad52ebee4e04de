package dev.lowrank.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.Ints;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class UploadedIntsTest {
    /** What the device would answer: zeros. */
    private final UploadedInts ints = new UploadedInts(new PhantomDriver(new PhantomDriver(null)));

    private static Tensor at(long address, int size) {
        return new Tensor(DType.I32, MemorySegment.ofAddress(address).reinterpret(4L * size), size);
    }

    @Test
    void givesBackWhatWasPutWholeAndInPart() {
        ints.put(at(4096, 4), new int[] {1, 2, 3, 4});
        assertThat(ints.of(at(4096, 4))).containsExactly(1, 2, 3, 4);
        assertThat(ints.of(at(4096, 2))).containsExactly(1, 2);
        assertThat(ints.of(at(4104, 2))).containsExactly(3, 4);
    }

    @Test
    void whatWasOverwrittenIsForgottenEvenInPart() {
        ints.put(at(4096, 4), new int[] {1, 2, 3, 4});
        ints.put(at(4108, 3), new int[] {7, 8, 9});
        assertThat(ints.of(at(4108, 3))).containsExactly(7, 8, 9);
        assertThat(ints.of(at(4096, 4))).containsExactly(0, 0, 0, 0);
        ints.forget(at(4112, 1));
        assertThat(ints.of(at(4108, 3))).containsExactly(0, 0, 0);
    }

    @Test
    void asksTheDeviceForWhatItDoesNotKnow() {
        ints.put(at(4096, 4), new int[] {1, 2, 3, 4});
        assertThat(ints.of(at(4096, 5))).containsOnly(0);
        assertThat(ints.of(at(8192, 2))).containsOnly(0);
    }

    @Test
    void readsNothingBeforeTheFirstIsAskedFor() {
        ints.put(at(4096, 2), new int[] {1, 2});
        Ints reader = ints.reader(at(4096, 2));
        ints.put(at(4096, 2), new int[] {5, 6});
        assertThat(reader.at(1)).isEqualTo(6);
    }

    @Test
    void keepsItsOwnCopy() {
        int[] values = {1, 2};
        ints.put(at(4096, 2), values);
        values[0] = 9;
        assertThat(ints.of(at(4096, 2))).containsExactly(1, 2);
    }
}
