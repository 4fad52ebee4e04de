package dev.lowrank.kernels.cpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes machine code for x86-64: the few instructions that {@link TileCode}, {@link ScoreCode} and others need, each with the encoding of Intel's
 * manual (volume 2, "Instruction format"). An operand in memory is a base register and a displacement of 32 bits.
 */
final class Assembler {
    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RBX = 3;
    static final int RBP = 5;
    static final int RSI = 6;
    static final int RDI = 7;
    static final int R8 = 8;
    static final int R9 = 9;
    static final int R10 = 10;
    static final int R11 = 11;
    static final int R12 = 12;
    static final int R13 = 13;
    static final int R14 = 14;
    static final int R15 = 15;

    /** The prefixes that a VEX or EVEX instruction carries inside. */
    private static final int P66 = 1;

    private static final int PF3 = 2;
    private static final int PF2 = 3;

    /** The tables of opcodes. */
    private static final int T0F = 1;

    private static final int T0F38 = 2;
    private static final int T0F3A = 3;

    private static final int NOWHERE = -1;

    private static final int LARGEST = 1 << 14;

    private final ByteBuffer code = ByteBuffer.allocate(LARGEST).order(ByteOrder.LITTLE_ENDIAN);

    /** A place in the code to jump to. */
    static final class Label {
        private int at = NOWHERE;
        private final List<Integer> jumps = new ArrayList<>(); // where distances to it are missing
    }

    byte[] code() {
        byte[] bytes = new byte[code.position()];
        code.get(0, bytes);
        return bytes;
    }

    /** Here is the label. */
    void bind(Label label) {
        label.at = code.position();
        for (int jump : label.jumps) {
            code.putInt(jump, label.at - jump - Integer.BYTES);
        }
    }

    private void distance(Label label) {
        int at = code.position();
        if (label.at == NOWHERE) {
            label.jumps.add(at);
        }
        code.putInt(label.at == NOWHERE ? 0 : label.at - at - Integer.BYTES);
    }

    private void bytes(int... values) {
        for (int value : values) {
            code.put((byte) value);
        }
    }

    // Ordinary instructions, on 64 bits.

    private void wide(int reg, int base, int opcode) {
        bytes(0x48 | (reg >> 3) << 2 | base >> 3, opcode);
    }

    /** [base + displacement] beside a register or an opcode's extension. */
    private void memory(int reg, int base, int displacement) {
        bytes(0x80 | (reg & 7) << 3 | base & 7);
        if ((base & 7) == 4) {
            bytes(0x24);
        }
        code.putInt(displacement);
    }

    /** [base + index + displacement] beside a tile. */
    private void indexed(int reg, int base, int index, int displacement) {
        bytes(0x84 | (reg & 7) << 3, (index & 7) << 3 | base & 7);
        code.putInt(displacement);
    }

    private void registers(int reg, int rm) {
        bytes(0xC0 | (reg & 7) << 3 | rm & 7);
    }

    void mov(int to, int from) {
        wide(from, to, 0x89);
        registers(from, to);
    }

    void load(int to, int base, int displacement) {
        wide(to, base, 0x8B);
        memory(to, base, displacement);
    }

    /** A number of 32 bits with its sign. */
    void loadInt(int to, int base, int displacement) {
        wide(to, base, 0x63);
        memory(to, base, displacement);
    }

    void store(int base, int displacement, int from) {
        wide(from, base, 0x89);
        memory(from, base, displacement);
    }

    void set(int to, int number) {
        wide(0, to, 0xC7);
        registers(0, to);
        code.putInt(number);
    }

    void add(int to, int number) {
        wide(0, to, 0x81);
        registers(0, to);
        code.putInt(number);
    }

    void and(int to, int number) {
        wide(0, to, 0x81);
        registers(4, to);
        code.putInt(number);
    }

    void shiftUp(int reg, int bits) {
        wide(0, reg, 0xC1);
        registers(4, reg);
        bytes(bits);
    }

    void shiftDown(int reg, int bits) {
        wide(0, reg, 0xC1);
        registers(5, reg);
        bytes(bits);
    }

    /** By as many bits as the lower six of rcx say. */
    void shiftUpByCount(int reg) {
        wide(0, reg, 0xD3);
        registers(4, reg);
    }

    void addRegister(int to, int from) {
        wide(from, to, 0x01);
        registers(from, to);
    }

    void subtract(int from, int what) {
        wide(what, from, 0x29);
        registers(what, from);
    }

    void addLoaded(int to, int base, int displacement) {
        wide(to, base, 0x03);
        memory(to, base, displacement);
    }

    void multiplyLoaded(int to, int base, int displacement) {
        wide(to, base, 0x0F);
        bytes(0xAF);
        memory(to, base, displacement);
    }

    void addStored(int base, int displacement, int from) {
        wide(from, base, 0x01);
        memory(from, base, displacement);
    }

    /** Sets the flags of the number, as {@link #decrement} does. */
    void test(int reg) {
        wide(reg, reg, 0x85);
        registers(reg, reg);
    }

    void decrement(int reg) {
        wide(1, reg, 0xFF);
        registers(1, reg);
    }

    void decrementStored(int base, int displacement) {
        wide(1, base, 0xFF);
        memory(1, base, displacement);
    }

    /** Compares a small number in memory with this one. */
    void compareStored(int base, int displacement, int number) {
        wide(7, base, 0x83);
        memory(7, base, displacement);
        bytes(number);
    }

    void jump(Label label) {
        bytes(0xE9);
        distance(label);
    }

    void jumpIfZero(Label label) {
        bytes(0x0F, 0x84);
        distance(label);
    }

    void jumpIfNotZero(Label label) {
        bytes(0x0F, 0x85);
        distance(label);
    }

    void push(int reg) {
        bytes(0x40 | reg >> 3, 0x50 | reg & 7);
    }

    void pop(int reg) {
        bytes(0x40 | reg >> 3, 0x58 | reg & 7);
    }

    void ret() {
        bytes(0xC3);
    }

    /** Brings the line into the second cache. */
    void prefetch(int base, int displacement) {
        bytes(0x40 | base >> 3, 0x0F, 0x18);
        memory(2, base, displacement);
    }

    /** For {@link #loadControl}: rounding to nearest, no exceptions, what is not normal is zero. */
    static final int FLUSHING = 0x9FC0;

    /** How the vectors round and what becomes of the smallest numbers: the register of 32 bits that says so. */
    void loadControl(int base, int displacement) {
        bytes(0x40 | base >> 3, 0x0F, 0xAE);
        memory(2, base, displacement);
    }

    void storeControl(int base, int displacement) {
        bytes(0x40 | base >> 3, 0x0F, 0xAE);
        memory(3, base, displacement);
    }

    // Tiles (AMX).

    private void vex(int table, int prefix, int w, int reg, int second, int index, int base, int opcode) {
        bytes(
                0xC4,
                (~reg & 8) << 4 | (~index & 8) << 3 | (~base & 8) << 2 | table,
                w << 7 | (~second & 15) << 3 | prefix,
                opcode);
    }

    void loadTileConfiguration(int base, int displacement) {
        vex(T0F38, 0, 0, 0, 0, 0, base, 0x49);
        memory(0, base, displacement);
    }

    void releaseTiles() {
        vex(T0F38, 0, 0, 0, 0, 0, 0, 0x49);
        registers(0, 0);
    }

    void zeroTile(int tile) {
        vex(T0F38, PF2, 0, 0, 0, 0, 0, 0x49);
        registers(tile, 0);
    }

    /** Rows {@code stride} bytes apart. */
    void loadTile(int tile, int base, int stride, int displacement) {
        vex(T0F38, PF2, 0, 0, 0, stride, base, 0x4B);
        indexed(tile, base, stride, displacement);
    }

    /** The same where the first cache should keep what it has. */
    void streamTile(int tile, int base, int stride, int displacement) {
        vex(T0F38, P66, 0, 0, 0, stride, base, 0x4B);
        indexed(tile, base, stride, displacement);
    }

    void storeTile(int base, int stride, int displacement, int tile) {
        vex(T0F38, PF3, 0, 0, 0, stride, base, 0x4B);
        indexed(tile, base, stride, displacement);
    }

    /** {@code sum += a b}: a [16, 32] BF16, b as 16 pairs of rows, sum [16, 16] F32. */
    void multiplyTiles(int sum, int a, int b) {
        vex(T0F38, PF3, 0, 0, b, 0, 0, 0x5C);
        registers(sum, a);
    }

    // Vectors of 512 bits (AVX-512).

    private void evex(
            int table, int prefix, int w, int second, int base, boolean zeroing, int mask, int opcode, int reg) {
        bytes(
                0x62,
                (~reg & 8) << 4 | 0x40 | (~base & 8) << 2 | ~reg & 16 | table,
                w << 7 | (~second & 15) << 3 | 4 | prefix,
                (zeroing ? 0x80 : 0) | 0x40 | (~second & 16) >> 1 | mask,
                opcode);
    }

    /** The same with three registers of 0 to 31. */
    private void evexRegisters(int table, int prefix, int w, int to, int second, int third, int zeroMask, int opcode) {
        evexRegisters(table, prefix, w, to, second, third, zeroMask, zeroMask != 0, opcode);
    }

    private void evexRegisters(
            int table, int prefix, int w, int to, int second, int third, int mask, boolean zeroing, int opcode) {
        bytes(
                0x62,
                (~to & 8) << 4 | (~third & 16) << 2 | (~third & 8) << 2 | ~to & 16 | table,
                w << 7 | (~second & 15) << 3 | 4 | prefix,
                (zeroing ? 0x80 : 0) | 0x40 | (~second & 16) >> 1 | mask,
                opcode);
        registers(to, third);
    }

    void moveFloats(int to, int from) {
        evexRegisters(T0F, 0, 0, to, 0, from, 0, 0x28);
    }

    /** One number of memory in all lanes. */
    void spread(int to, int base, int displacement) {
        evex(T0F38, P66, 0, 0, base, false, 0, 0x18, to);
        memory(to, base, displacement);
    }

    /** {@code to = to x + y}, rounded once. */
    void multiplyAdd(int to, int x, int y) {
        evexRegisters(T0F38, P66, 0, to, x, y, 0, 0xA8);
    }

    /** {@code sum += x y}, rounded once. */
    void addProduct(int sum, int x, int y) {
        evexRegisters(T0F38, P66, 0, sum, x, y, 0, 0xB8);
    }

    /** {@code to = y - to x}, rounded once. */
    void subtractProduct(int to, int x, int y) {
        evexRegisters(T0F38, P66, 0, to, x, y, 0, 0xAC);
    }

    /** The bits of both. */
    void or(int to, int x, int y) {
        evexRegisters(T0F, 0, 0, to, x, y, 0, 0x56);
    }

    void addFloats(int to, int x, int y) {
        evexRegisters(T0F, 0, 0, to, x, y, 0, 0x58);
    }

    /** {@code to = x - y}. */
    void subtractFloats(int to, int x, int y) {
        evexRegisters(T0F, 0, 0, to, x, y, 0, 0x5C);
    }

    void multiplyFloats(int to, int x, int y) {
        evexRegisters(T0F, 0, 0, to, x, y, 0, 0x59);
    }

    void divideFloats(int to, int x, int y) {
        evexRegisters(T0F, 0, 0, to, x, y, 0, 0x5E);
    }

    /** The smaller of both; y where one is a NaN. */
    void smaller(int to, int x, int y) {
        evexRegisters(T0F, 0, 0, to, x, y, 0, 0x5D);
    }

    /** The larger of both; y where one is a NaN. */
    void larger(int to, int x, int y) {
        evexRegisters(T0F, 0, 0, to, x, y, 0, 0x5F);
    }

    /** {@code to = x y} under the mask; zero elsewhere. */
    void multiplyFloats(int to, int x, int y, int mask) {
        evexRegisters(T0F, 0, 0, to, x, y, mask, 0x59);
    }

    void zero(int to) {
        evexRegisters(T0F, P66, 0, to, to, to, 0, 0xEF);
    }

    void addInts(int to, int x, int y) {
        evexRegisters(T0F, P66, 0, to, x, y, 0, 0xFE);
    }

    /** {@code to = x - y}. */
    void subtractInts(int to, int x, int y) {
        evexRegisters(T0F, P66, 0, to, x, y, 0, 0xFA);
    }

    /** The mask of the lanes of integers {@code from <= x < to}. */
    void within(int mask, int x, int from, int to) {
        evexRegisters(T0F3A, P66, 0, mask, x, from, 0, 0x1F);
        bytes(5);
        evexRegisters(T0F3A, P66, 0, mask, x, to, mask, false, 0x1F);
        bytes(1);
    }

    /** The mask of the lanes where x is below y. */
    void below(int mask, int x, int y) {
        evexRegisters(T0F, 0, 0, mask, x, y, 0, 0xC2);
        bytes(1);
    }

    /** {@code to = set} under the mask, {@code other} elsewhere. */
    void choose(int to, int mask, int set, int other) {
        evexRegisters(T0F38, P66, 0, to, other, set, mask, false, 0x65);
    }

    /** The mask of the lanes where x is not below y, those of a NaN among them. */
    void notBelow(int mask, int x, int y) {
        notBelow(mask, 0, x, y);
    }

    /** The same of the lanes under another mask. */
    void notBelow(int mask, int under, int x, int y) {
        evexRegisters(T0F, 0, 0, mask, x, y, under, false, 0xC2);
        bytes(5);
    }

    /** {@code to = x - floor(x)}. */
    void fraction(int to, int x) {
        evexRegisters(T0F3A, P66, 0, to, 0, x, 0, 0x56);
        bytes(1);
    }

    /** {@code to = x 2^floor(y)} under the mask; zero elsewhere. */
    void scale(int to, int x, int y, int mask) {
        evexRegisters(T0F38, P66, 0, to, x, y, mask, 0x2C);
    }

    /** Rotates 16 lanes: {@code to[i] = from[i + by]}. */
    void rotate(int to, int from, int by) {
        evexRegisters(T0F3A, P66, 0, to, from, from, 0, 0x03);
        bytes(by);
    }

    /** The sum of the lanes in each of them, in the order of {@link Lanes#sum}. */
    void sumLanes(int reg, int free) {
        for (int by = 8; by > 0; by /= 2) {
            rotate(free, reg, by);
            addFloats(reg, reg, free);
        }
    }

    // Within each quarter of 128 bits: elements of x and y in turn, from the lower or the upper half of the quarter.

    void lowerWords(int to, int x, int y) {
        evexRegisters(T0F, P66, 0, to, x, y, 0, 0x61);
    }

    void upperWords(int to, int x, int y) {
        evexRegisters(T0F, P66, 0, to, x, y, 0, 0x69);
    }

    void lowerInts(int to, int x, int y) {
        evexRegisters(T0F, P66, 0, to, x, y, 0, 0x62);
    }

    void upperInts(int to, int x, int y) {
        evexRegisters(T0F, P66, 0, to, x, y, 0, 0x6A);
    }

    void lowerLongs(int to, int x, int y) {
        evexRegisters(T0F, P66, 1, to, x, y, 0, 0x6C);
    }

    void upperLongs(int to, int x, int y) {
        evexRegisters(T0F, P66, 1, to, x, y, 0, 0x6D);
    }

    /** Two quarters of x and two of y, by two bits of the order each, the first in the lowest. */
    void quarters(int to, int x, int y, int order) {
        evexRegisters(T0F3A, P66, 0, to, x, y, 0, 0x43);
        bytes(order);
    }

    /** {@code sum[i] += x[2i] y[2i] + x[2i + 1] y[2i + 1]} of BF16. */
    void multiplyPairs(int sum, int x, int y) {
        evexRegisters(T0F38, PF3, 0, sum, x, y, 0, 0x52);
    }

    /** {@code to[i] = from[order[i]]} for 32 elements of 16 bits. */
    void permuteWords(int to, int order, int from) {
        evexRegisters(T0F38, P66, 1, to, order, from, 0, 0x8D);
    }

    /** 32 elements of BF16, rounded to nearest even, from two vectors. */
    void narrow(int to, int upper, int lower) {
        evexRegisters(T0F38, PF2, 0, to, upper, lower, 0, 0x72);
    }

    void loadFloats(int to, int base, int displacement) {
        evex(T0F, 0, 0, 0, base, false, 0, 0x10, to);
        memory(to, base, displacement);
    }

    /** The same under the mask; zero elsewhere, where nothing is read. */
    void loadFloats(int to, int base, int displacement, int mask) {
        evex(T0F, 0, 0, 0, base, true, mask, 0x10, to);
        memory(to, base, displacement);
    }

    void storeFloats(int base, int displacement, int mask, int from) {
        evex(T0F, 0, 0, 0, base, false, mask, 0x11, from);
        memory(from, base, displacement);
    }

    /** The lower 256 bits alone. */
    void storeLower(int base, int displacement, int from) {
        storePart(base, displacement, from, 0);
    }

    /** The upper 256 bits alone. */
    void storeUpper(int base, int displacement, int from) {
        storePart(base, displacement, from, 1);
    }

    private void storePart(int base, int displacement, int from, int part) {
        evex(T0F3A, P66, 1, 0, base, false, 0, 0x1B, from);
        memory(from, base, displacement);
        bytes(part);
    }

    /** To memory past the caches, which must be a whole line. */
    void streamFloats(int base, int displacement, int from) {
        evex(T0F, 0, 0, 0, base, false, 0, 0x2B, from);
        memory(from, base, displacement);
    }

    /** Stores past the caches become visible to other threads before whatever comes later. */
    void fence() {
        bytes(0x0F, 0xAE, 0xF8);
    }

    /** The first lane alone. */
    void storeFirst(int base, int displacement, int from) {
        evex(T0F, PF3, 0, 0, base, false, 0, 0x11, from);
        memory(from, base, displacement);
    }

    /** {@code to += numbers in memory} under the mask; zero elsewhere. */
    void addFloats(int to, int base, int displacement, int mask) {
        evex(T0F, 0, 0, to, base, true, mask, 0x58, to);
        memory(to, base, displacement);
    }

    /** Sixteen elements of 16 bits as words of 32, those under the mask if it is not 0; zero elsewhere. */
    void widenWords(int to, int base, int displacement, int mask) {
        evex(T0F38, P66, 0, 0, base, mask != 0, mask, 0x33, to);
        memory(to, base, displacement);
    }

    /** Sixteen elements of BF16 as fp32. */
    void widenHalves(int to, int base, int displacement) {
        widenWords(to, base, displacement, 0);
        shiftLeft(to, 16);
    }

    /** Shifts words of 32 bits to the left. */
    void shiftLeft(int reg, int bits) {
        evexRegisters(T0F, P66, 0, 6, reg, reg, 0, 0x72); // 6 is part of the opcode
        bytes(bits);
    }

    void storeWords(int base, int displacement, int mask, int from) {
        evex(T0F, PF2, 1, 0, base, false, mask, 0x7F, from);
        memory(from, base, displacement);
    }

    /** A mask of 32 elements from memory. */
    void loadMask(int mask, int base, int displacement) {
        vex(T0F, P66, 1, 0, 0, 0, base, 0x90);
        memory(mask, base, displacement);
    }

    /** A mask of 16 elements from a register. */
    void setMask(int mask, int from) {
        vex(T0F, 0, 0, mask, 0, 0, from, 0x92);
        registers(mask, from);
    }

    /** As compilers leave the vectors behind. */
    void zeroUpperHalves() {
        bytes(0xC5, 0xF8, 0x77);
    }
}
