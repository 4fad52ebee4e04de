package dev.lowrank.engine.tokenizer;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.util.Arrays;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * Hugging Face's own tokenizer library, behind a handle that cannot be used after it was freed. The library's functions
 * are called directly: the Java class above them truncates, pads and cleans texts by settings of its own.
 */
final class NativeTokenizer implements AutoCloseable {
    private static final TokenizersLibrary LIBRARY = TokenizersLibrary.LIB;

    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private long handle;

    private NativeTokenizer(long handle) {
        this.handle = handle;
    }

    /**
     * Makes a tokenizer; {@link NativeLibrary} must be loaded.
     *
     * @throws RuntimeException with the library's own words if the JSON is no tokenizer
     */
    static NativeTokenizer of(String json) {
        long handle = LIBRARY.createTokenizerFromString(json);
        // A tokenizer.json may carry both; Hugging Face's loaders switch them off too unless asked.
        LIBRARY.disableTruncation(handle);
        LIBRARY.disablePadding(handle);
        return new NativeTokenizer(handle);
    }

    Encoding encode(String text) {
        lock.readLock().lock();
        try {
            long encoding = LIBRARY.encode(openHandle(), text, false);
            try {
                return new Encoding(ints(LIBRARY.getTokenIds(encoding)), starts(LIBRARY.getTokenCharSpans(encoding)));
            } finally {
                LIBRARY.deleteEncoding(encoding);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    String decode(int[] ids, boolean skipSpecialTokens) {
        lock.readLock().lock();
        try {
            return LIBRARY.decode(
                    openHandle(), Arrays.stream(ids).asLongStream().toArray(), skipSpecialTokens);
        } finally {
            lock.readLock().unlock();
        }
    }

    private long openHandle() {
        if (handle == 0) {
            throw new IllegalStateException("The tokenizer is closed.");
        }
        return handle;
    }

    private static int[] ints(long[] ids) {
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }

    /** The library counts in code points; a token that stands for no text has no span. */
    private static int[] starts(@Nullable CharSpan[] spans) {
        int[] starts = new int[spans.length];
        for (int i = 0; i < starts.length; i++) {
            CharSpan span = spans[i];
            starts[i] = span == null ? 0 : span.getStart();
        }
        return starts;
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (handle != 0) {
                LIBRARY.deleteTokenizer(handle);
                handle = 0;
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
