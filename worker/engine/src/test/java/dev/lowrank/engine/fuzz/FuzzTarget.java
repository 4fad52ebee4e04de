package dev.lowrank.engine.fuzz;

import java.io.IOException;

/** A reader, given an input as its files. */
interface FuzzTarget {
    /** Its name, which is also the folder of its kept inputs. */
    String name();

    /** The file that an input is that names no file. */
    String defaultFile();

    /** What reading an input may take. */
    Cost most();

    /**
     * Reads the input to its end, as the program would.
     *
     * @throws RuntimeException the reader's refusal, and no other
     */
    void read(Parts input) throws IOException;

    /** Whether a refusal holds words of the input's author for which the reader does not answer. */
    default boolean quotesAuthor(RuntimeException refusal) {
        return false;
    }

    /**
     * What reading an input may take.
     *
     * @param bytes allocated on the heap in all, whether collected or not, for an input of nothing
     * @param bytesPerByte the same, more for each byte of input
     * @param nativeBytes by which the process may grow besides
     * @param seconds of one processor
     */
    record Cost(long bytes, long bytesPerByte, long nativeBytes, int seconds) {
        long allocated(int inputBytes) {
            return bytes + bytesPerByte * inputBytes;
        }
    }
}
