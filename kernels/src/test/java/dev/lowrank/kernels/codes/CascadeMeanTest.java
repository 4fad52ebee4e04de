package dev.lowrank.kernels.codes;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CascadeMeanTest {
    /** The means PyTorch 2.13 gives on one thread; for 11 of them the exact mean rounds otherwise. */
    @ParameterizedTest
    @CsvSource({
        "1, 3ceecbe0",
        "5, 3efec742",
        "7, 3f15739e",
        "8, 3f0c2794",
        "9, 3f183afa",
        "31, 3f02ea28",
        "32, 3f02e160",
        "33, 3f018bc0",
        "63, 3ef7bcc6",
        "64, 3ef7f320",
        "100, 3efb4a7c",
        "255, 3eefc8d7",
        "511, 3ef6f72a",
        "513, 3ef653a3",
        "1000, 3efe2b6e",
        "2047, 3f0076bd",
        "4096, 3f008782",
        "10007, 3f005498",
        "32767, 3f0090d6",
        "32768, 3f008ffe",
        "65537, 3f0062e2",
        "131072, 3f006e1d",
        "300001, 3f0030ab",
        "524288, 3f001446",
    })
    void addsInTheOrderOfTheReference(int count, String bits) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            int z = i * 0x9E3779B1 + 12345;
            z = (z ^ z >>> 15) * 0x85EBCA77;
            z ^= z >>> 13;
            x[i] = (z >>> 8) * 0x1p-24f;
        }
        assertThat(Integer.toHexString(Float.floatToRawIntBits(CascadeMean.of(x))))
                .isEqualTo(bits);
    }
}
