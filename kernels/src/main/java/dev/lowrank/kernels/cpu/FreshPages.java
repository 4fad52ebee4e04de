package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.lowrank.kernels.memory.MemorySource;
import dev.lowrank.kernels.memory.StackedWorkspace;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Memory fresh from the operating system. On Linux a page counts only from its first use on, and pages are huge ones where the
 * system gives those to who asks: a step reads all of its memory, and looks up five hundred times fewer addresses.
 */
final class FreshPages implements MemorySource {
    private static final boolean LINUX = System.getProperty("os.name").equals("Linux");
    /** Below this the C library is as good. */
    private static final long SMALLEST = 1 << 20;

    private static final int READ_AND_WRITE = 3;
    private static final int PRIVATE_AND_ANONYMOUS = 0x22;
    private static final int HUGE_PAGES = 14;

    @Override
    public MemorySegment allocate(Arena arena, long bytes) {
        return LINUX && bytes >= SMALLEST ? Pages.map(arena, bytes) : arena.allocate(bytes, StackedWorkspace.ALIGNMENT);
    }

    /** Looked up only where it is there. */
    private static final class Pages {
        private static final MethodHandle MAP = function(
                "mmap", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
        private static final MethodHandle ADVISE =
                function("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
        private static final MethodHandle UNMAP =
                function("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));

        static MemorySegment map(Arena arena, long bytes) {
            try {
                MemorySegment start = (MemorySegment)
                        MAP.invokeExact(MemorySegment.NULL, bytes, READ_AND_WRITE, PRIVATE_AND_ANONYMOUS, -1, 0L);
                if (start.address() == -1) {
                    throw new OutOfMemoryError("The system has no %,d bytes more.".formatted(bytes));
                }
                int ignored = (int) ADVISE.invokeExact(start, bytes, HUGE_PAGES); // As good without, only slower.
                return start.reinterpret(bytes, arena, Pages::unmap);
            } catch (Error | RuntimeException e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException("A call of mmap failed.", e);
            }
        }

        private static void unmap(MemorySegment memory) {
            try {
                int ignored = (int) UNMAP.invokeExact(memory, memory.byteSize());
            } catch (Throwable e) {
                throw new IllegalStateException("A call of munmap failed.", e);
            }
        }

        private static MethodHandle function(String name, FunctionDescriptor type) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
        }
    }
}
