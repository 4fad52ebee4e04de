package dev.lowrank.kernels.cpu;

/**
 * What {@link TileCode} does with the sums of a block, row by row, while the next block is being summed. The argument is at rdi;
 * r13 and the vectors are free.
 */
interface TileRows {
    /** Of an element of C. */
    int bytes();

    /** Of an element of what is added to the sums, which is another matrix with rows of its own; 0 where nothing is. */
    default int bytesOfBase() {
        return 0;
    }

    /** Before all blocks. */
    default void prepare(Assembler code) {}

    /** Asks for what a row will need whose part of C is at r14: into the second cache, since the first has few lines to wait with. */
    void expect(Assembler code);

    /**
     * Rows of 32 sums are at rax, {@link TileCode#ROW_OF_SUMS} bytes apart, their parts of C at rdx, rbx bytes apart.
     *
     * @param rows one or two
     */
    void finish(Assembler code, int rows);

    /** After all blocks. */
    default void end(Assembler code) {}
}
