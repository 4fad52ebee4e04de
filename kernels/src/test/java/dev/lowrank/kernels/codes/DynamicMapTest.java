package dev.lowrank.kernels.codes;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DynamicMapTest {
    @Test
    void holdsTheNumbersOfTheReferenceToTheBit() throws NoSuchAlgorithmException {
        assertThat(sha256(DynamicMap.SIGNED))
                .isEqualTo("e732639a65f497b4ad684bb166a4467708255edd5207757de8b8f0c7e1fda89c");
        assertThat(sha256(DynamicMap.UNSIGNED))
                .isEqualTo("305f002cc11278fb769d13b25b9fd0c7c83c8402c40a878fe086f4039fde6398");
    }

    @Test
    void risesAndHasZeroWhereCodesExpectIt() {
        for (DynamicMap map : new DynamicMap[] {DynamicMap.SIGNED, DynamicMap.UNSIGNED}) {
            for (int c = 1; c < 256; c++) {
                assertThat(map.value(c)).isGreaterThan(map.value(c - 1));
            }
            assertThat(map.value(255)).isEqualTo(1);
        }
        assertThat(DynamicMap.SIGNED.value(127)).isZero();
        assertThat(DynamicMap.SIGNED.value(0)).isEqualTo(-0.99296874f);
        assertThat(DynamicMap.UNSIGNED.value(0)).isZero();
    }

    @Test
    void codesEveryNumberOfTheMapAsItself() {
        for (DynamicMap map : new DynamicMap[] {DynamicMap.SIGNED, DynamicMap.UNSIGNED}) {
            for (int c = 0; c < 256; c++) {
                assertThat(map.code(map.value(c))).isEqualTo(c);
            }
        }
    }

    @Test
    void givesATieToTheEvenCodeAndItsNeighboursToTheNearest() {
        for (DynamicMap map : new DynamicMap[] {DynamicMap.SIGNED, DynamicMap.UNSIGNED}) {
            for (int c = 0; c < 255; c++) {
                float middle = (map.value(c) + map.value(c + 1)) * 0.5f;
                assertThat(map.code(middle)).isEqualTo(c % 2 == 0 ? c : c + 1);
                assertThat(map.code(Math.nextDown(middle))).isEqualTo(c);
                assertThat(map.code(Math.nextUp(middle))).isEqualTo(c + 1);
            }
        }
    }

    @Test
    void findsTheNearestOfAllForRandomNumbersOfAnyMagnitude() {
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            float x = (float) ((random.nextDouble() * 2 - 1) * Math.pow(10, -9 * random.nextDouble()));
            assertNearest(DynamicMap.SIGNED, x);
            assertNearest(DynamicMap.UNSIGNED, Math.abs(x));
        }
        assertThat(DynamicMap.SIGNED.code(-1)).isZero();
        assertThat(DynamicMap.SIGNED.code(-0f)).isEqualTo(127);
        assertThat(DynamicMap.UNSIGNED.code(Float.MIN_VALUE)).isZero();
    }

    @Test
    void findsTheNearestAtBothEndsOfEveryStartingPlace() {
        for (int key = 0; key <= 0x3F80; key++) {
            for (int bits : new int[] {key << 16, Math.min(key << 16 | 0xFFFF, 0x3F800000)}) {
                float x = Float.intBitsToFloat(bits);
                assertNearest(DynamicMap.UNSIGNED, x);
                assertNearest(DynamicMap.SIGNED, x);
                assertNearest(DynamicMap.SIGNED, -x);
            }
        }
    }

    private static void assertNearest(DynamicMap map, float x) {
        double best = Double.POSITIVE_INFINITY;
        for (int c = 0; c < 256; c++) {
            best = Math.min(best, Math.abs((double) x - map.value(c)));
        }
        double distance = Math.abs((double) x - map.value(map.code(x)));
        if (distance > best + 2.5e-7 * Math.abs(x)) { // Asserting each of so many would take seconds.
            assertThat(distance).as("distance from %s", x).isEqualTo(best);
        }
    }

    private static String sha256(DynamicMap map) throws NoSuchAlgorithmException {
        ByteBuffer bytes = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : map.values()) {
            bytes.putFloat(value);
        }
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
    }
}
