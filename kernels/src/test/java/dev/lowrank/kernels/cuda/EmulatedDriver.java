package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DeviceLostException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A device that is a process (see {@code emulated.cpp}): its memory is a file that both map, its commands go through a pipe. A fault in a
 * kernel ends that process, and is a {@link DeviceLostException} here with what it said.
 */
final class EmulatedDriver implements Driver {
    /** What the names of files begin with. */
    static final String FILES = "lowrank-emulated-" + ProcessHandle.current().pid() + "-";

    private static final long BASE = 0x200000000000L;
    private static final long BYTES = 8L << 30; // Of a file with holes: only what is written takes memory.
    private static final long GAP = 256;

    private static final long ALLOCATE = 1;
    private static final long FREE = 2;
    private static final long TAKE = 3;
    private static final long GIVE = 4;
    private static final long LAUNCH = 5;
    private static final long SYNCHRONIZE = 6;
    private static final long FIND = 7;
    private static final long ORDERS = 8;
    private static final long FILL = 9;
    private static final long COPY = 10;
    private static final long UPLOAD = 11;

    /** What is longer is not sent with the commands, but written to the memory once all before is done. */
    private static final long LONG_UPLOAD = 1 << 16;

    private final Process process;
    private final OutputStream commands;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final Map<String, Long> kernels = new HashMap<>();
    private final ByteBuffer number = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private @Nullable String fault;
    private boolean closed;

    /**
     * @param program what {@link EmulatedProgram} made
     * @param orders how many orders of blocks and threads each launch is run in
     * @param seconds a kernel that runs longer is taken for one that never ends
     */
    EmulatedDriver(Path program, int orders, int seconds) {
        try {
            Path file = Files.createTempFile(memoryFolder(), FILES, ".memory");
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.allocate(1), BYTES - 1);
                memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, BYTES, arena);
                process = new ProcessBuilder(
                                program.toString(), file.toString(), Long.toString(BYTES), Integer.toString(seconds))
                        .start();
                commands = new BufferedOutputStream(process.getOutputStream(), 1 << 16);
                send(ORDERS, orders);
                synchronize();
            } finally {
                Files.delete(file); // Both have mapped it, so nothing of it stays behind, however this ends.
            }
        } catch (IOException e) {
            throw new UncheckedIOException("The emulated device cannot start.", e);
        }
    }

    /** Memory, where the system has a folder that lies in it. */
    private static Path memoryFolder() {
        Path shared = Path.of("/dev/shm");
        return Files.isWritable(shared) ? shared : Path.of(System.getProperty("java.io.tmpdir"));
    }

    @Override
    public String name() {
        return "emulated device";
    }

    @Override
    public int blocks() {
        return 8;
    }

    @Override
    public long freeBytes() {
        return BYTES;
    }

    @Override
    public long allocate(long bytes) {
        send(ALLOCATE, bytes);
        long address = answer();
        if (address == 0) {
            throw new OutOfMemoryError("The emulated device has no %,d bytes more.".formatted(bytes));
        }
        return address;
    }

    /** A device that is lost or closed has nothing to be given back, and whoever clears up may go on. */
    @Override
    public void free(long address) {
        if (!closed && fault == null) {
            send(FREE, address);
        }
    }

    @Override
    public long gap() {
        return GAP;
    }

    @Override
    public void taken(long address, long bytes) {
        send(TAKE, address, bytes);
    }

    @Override
    public void given(long address, long bytes) {
        if (!closed && fault == null) {
            send(GIVE, address, bytes);
        }
    }

    @Override
    public void upload(MemorySegment source, long target) {
        long bytes = source.byteSize();
        if (bytes < LONG_UPLOAD) {
            send(UPLOAD, target, bytes);
            byte[] all = new byte[(int) bytes];
            MemorySegment.copy(source, 0, MemorySegment.ofArray(all), 0, bytes);
            send(all);
        } else {
            synchronize();
            MemorySegment.copy(source, 0, memory, target - BASE, bytes);
        }
    }

    @Override
    public void download(long source, MemorySegment target) {
        synchronize();
        MemorySegment.copy(memory, source - BASE, target, 0, target.byteSize());
    }

    @Override
    public void copy(long source, long target, long bytes) {
        send(COPY, source, target, bytes);
    }

    @Override
    public void zero(long address, long bytes) {
        send(FILL, address, 0, bytes);
    }

    @Override
    public void run(Launch launch) {
        long kernel = kernels.computeIfAbsent(launch.kernel(), this::find);
        byte[] parameters = launch.parameters().toArray(ValueLayout.JAVA_BYTE);
        send(LAUNCH, kernel, launch.x(), launch.y(), launch.z(), launch.threads(), launch.shared(), parameters.length);
        send(parameters);
    }

    /** What runs the kernels. */
    Process process() {
        return process;
    }

    private long find(String kernel) {
        byte[] name = kernel.getBytes(StandardCharsets.UTF_8);
        send(FIND, name.length);
        send(name);
        long found = answer();
        if (found < 0) {
            throw new IllegalStateException("There is no kernel %s.".formatted(kernel));
        }
        return found;
    }

    private void synchronize() {
        send(SYNCHRONIZE);
        answer();
    }

    private void send(long... numbers) {
        for (long each : numbers) {
            send(number.putLong(0, each).array());
        }
    }

    private void send(byte[] bytes) {
        if (fault != null) {
            throw lost();
        }
        try {
            commands.write(bytes);
        } catch (IOException e) {
            throw lost();
        }
    }

    private long answer() {
        try {
            commands.flush();
            byte[] bytes = process.getInputStream().readNBytes(Long.BYTES);
            if (bytes.length < Long.BYTES) {
                throw lost();
            }
            return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        } catch (IOException e) {
            throw lost();
        }
    }

    /** What the process said before it ended. */
    private DeviceLostException lost() {
        if (fault == null) {
            fault = said();
        }
        return new DeviceLostException(fault);
    }

    private String said() {
        try {
            String said = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return said.isEmpty() ? "The emulated device ended without a word." : said;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Faults of launches that nobody has waited for show here. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        try {
            if (fault == null) {
                synchronize();
            }
        } finally {
            closed = true;
            process.destroyForcibly().onExit().join();
            arena.close();
        }
    }
}
