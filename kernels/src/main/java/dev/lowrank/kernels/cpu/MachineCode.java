package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** A function written by {@link Assembler}, of up to six arguments. It stays in memory until the process ends. */
final class MachineCode {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final FunctionDescriptor FUNCTION =
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle MAP = libc(
            "mmap", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle PROTECT =
            libc("mprotect", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final int READ_WRITE = 1 | 2;
    private static final int READ_EXECUTE = 1 | 4;
    private static final int PRIVATE_ANONYMOUS = 0x02 | 0x20;
    private static final long FAILED = -1;

    private final MethodHandle function;

    private MachineCode(MethodHandle function) {
        this.function = function;
    }

    /** The code, ready to be called with the linker's options; nothing where the system lets no process write code for itself. */
    static Optional<MachineCode> of(byte[] code, Linker.Option... options) {
        try {
            long at = (long) MAP.invokeExact(0L, (long) code.length, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L);
            if (at == FAILED) {
                return Optional.empty();
            }
            MemorySegment.ofAddress(at).reinterpret(code.length).copyFrom(MemorySegment.ofArray(code));
            if ((int) PROTECT.invokeExact(at, (long) code.length, READ_EXECUTE) != 0) {
                return Optional.empty();
            }
            return Optional.of(new MachineCode(LINKER.downcallHandle(MemorySegment.ofAddress(at), FUNCTION, options)));
        } catch (Throwable e) {
            throw new IllegalStateException("Memory for machine code could not be asked for.", e);
        }
    }

    /** The same of code with vectors of 512 bits that are rounded to BF16; nothing where the processor has no such. */
    static Optional<MachineCode> ofVectors(byte[] code, Linker.Option... options) {
        return OneDnn.multipliesBf16() && Lanes.WIDTH == 16 ? of(code, options) : Optional.empty();
    }

    void call(long argument) {
        call(argument, 0, 0, 0, 0, 0);
    }

    /** Arguments go to rdi, rsi, rdx, rcx, r8 and r9. */
    void call(long a, long b, long c, long d, long e, long f) {
        try {
            function.invokeExact(a, b, c, d, e, f);
        } catch (Throwable failure) {
            throw new IllegalStateException("A call of machine code failed.", failure);
        }
    }

    private static MethodHandle libc(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type);
    }
}
