package dev.lowrank.kernels.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
import static jcuda.driver.CUresult.CUDA_SUCCESS;

import dev.lowrank.kernels.DeviceException;
import dev.lowrank.kernels.DeviceLostException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/** A GPU through NVIDIA's driver: one context, one stream, the kernels as one module. */
final class JcudaDriver implements Driver {
    /** What the kernels were compiled with: an older driver does not know their form. */
    private static final int OLDEST_DRIVER = 13_000;

    static final String KERNELS = "/dev/lowrank/kernels/cuda/kernels.fatbin";
    private static final int OLDEST_CAPABILITY = 8; // products of BF16 by tiles, asynchronous copies
    private static final int BLOCKS_EACH = 8; // of 256 threads, in a multiprocessor
    private static final int USUAL_SHARED = 48 << 10; // beyond it a function has to ask
    private static final int MOST_PARAMETERS = 32;
    private static final int NAME_BYTES = 256;

    private final CUdevice device;
    private final CUcontext context = new CUcontext();
    private final CUmodule module = new CUmodule();
    private final Stream stream = new Stream();
    private final Map<String, CUfunction> functions = new HashMap<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment table; // where each parameter of a launch lies
    private final Pointer tablePointer;
    private final String name;
    private final int blocks;
    private final PinnedBuffer pinned;
    private final @Nullable CublasLt products;
    private final long workspace; // of theirs
    private @Nullable Thread current;
    private @Nullable String lost;
    private boolean closed;

    private JcudaDriver(CUdevice device) {
        this.device = device;
        name = "%s, %d GB".formatted(nameOf(device), Math.round(memoryOf(device) / 1e9));
        blocks = BLOCKS_EACH * attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
        begin(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "takes no work");
        begin(JCudaDriver.cuCtxSetCurrent(context), "takes no work");
        current = Thread.currentThread();
        begin(JCudaDriver.cuModuleLoadData(module, kernels()), "does not take Lowrank's kernels");
        begin(JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING), "takes no work");
        table = arena.allocate(ValueLayout.JAVA_LONG, MOST_PARAMETERS);
        tablePointer = Pointer.to(table.asByteBuffer());
        pinned = new PinnedBuffer(stream, this::check);
        products = new CublasLtFinder(System.getenv()).find().map(CublasLt::new).orElse(null);
        workspace = products == null ? 0 : allocate(CublasLt.WORKSPACE);
    }

    /**
     * @param number which of the machine's GPUs, from 0 on
     * @throws DeviceException if there is no driver, none that is new enough, no such GPU, or one that is too old
     */
    static JcudaDriver open(int number) {
        initialize();
        int[] count = new int[1];
        begin(JCudaDriver.cuDeviceGetCount(count), "cannot be counted");
        if (number >= count[0]) {
            throw new DeviceException(
                    count[0] == 0
                            ? "NVIDIA's driver is here but shows no GPU; see nvidia-smi and CUDA_VISIBLE_DEVICES, or use the device cpu."
                            : "There is no GPU cuda:%d; the last of them is cuda:%d.".formatted(number, count[0] - 1));
        }
        CUdevice device = new CUdevice();
        begin(JCudaDriver.cuDeviceGet(device, number), "cannot be opened");
        int major = attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
        if (major < OLDEST_CAPABILITY) {
            throw new DeviceException(
                    "%s has compute capability %d; Lowrank needs 8.0 or more (A100, RTX 30 and later)."
                            .formatted(nameOf(device), major));
        }
        return new JcudaDriver(device);
    }

    private static void initialize() {
        try {
            JCudaDriver.setExceptionsEnabled(false);
            int code = JCudaDriver.cuInit(0);
            if (code != CUDA_SUCCESS) {
                throw new DeviceException("NVIDIA's driver does not start (%s); see nvidia-smi, or use the device cpu."
                        .formatted(error(code)));
            }
        } catch (LinkageError e) {
            throw new DeviceException(
                    "There is no NVIDIA driver here (libcuda.so.1 cannot be loaded); install one of version 580 or newer, or use the device cpu.",
                    e);
        }
        int[] version = new int[1];
        begin(JCudaDriver.cuDriverGetVersion(version), "has no version");
        if (version[0] < OLDEST_DRIVER) {
            throw new DeviceException(
                    "NVIDIA's driver here is for CUDA %d.%d; Lowrank's kernels need one for CUDA 13.0, which is version 580 or newer."
                            .formatted(version[0] / 1000, version[0] % 1000 / 10));
        }
    }

    private static byte[] kernels() {
        try (InputStream stream = JcudaDriver.class.getResourceAsStream(KERNELS)) {
            if (stream == null) {
                throw new DeviceException(
                        "This Lowrank was built without kernels for GPUs, as there was no nvcc; build it where CUDA's compiler is, or use the device cpu.");
            }
            return stream.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException("Lowrank's kernels cannot be read.", e);
        }
    }

    @Override
    public String name() {
        return name + (products == null ? ", without cuBLASLt" : "");
    }

    @Override
    public int blocks() {
        return blocks;
    }

    @Override
    public long allocate(long bytes) {
        enter();
        Address address = new Address();
        int code = JCudaDriver.cuMemAlloc(address, bytes);
        if (code == CUDA_ERROR_OUT_OF_MEMORY) {
            throw new OutOfMemoryError("%s has no %,d bytes more (%,d are free).".formatted(name, bytes, freeBytes()));
        }
        check(code, "memory");
        return address.value();
    }

    @Override
    public long freeBytes() {
        enter();
        long[] free = new long[1];
        long[] all = new long[1];
        return JCudaDriver.cuMemGetInfo(free, all) == CUDA_SUCCESS ? free[0] : 0;
    }

    @Override
    public void free(long address) {
        if (!closed && lost == null) {
            enter();
            check(JCudaDriver.cuMemFree(at(address)), "memory");
        }
    }

    @Override
    public void upload(MemorySegment source, long target) {
        enter();
        pinned.upload(source, target);
    }

    @Override
    public void download(long source, MemorySegment target) {
        enter();
        pinned.download(source, target);
    }

    @Override
    public void copy(long source, long target, long bytes) {
        enter();
        check(JCudaDriver.cuMemcpyDtoDAsync(at(target), at(source), bytes, stream), "a copy");
    }

    @Override
    public void zero(long address, long bytes) {
        enter();
        check(JCudaDriver.cuMemsetD8Async(at(address), (byte) 0, bytes, stream), "a fill");
    }

    @Override
    public void run(Launch launch) {
        enter();
        CUfunction function = functions.computeIfAbsent(launch.kernel(), this::find);
        if (launch.shared() > USUAL_SHARED) {
            int attribute = CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            check(JCudaDriver.cuFuncSetAttribute(function, attribute, launch.shared()), launch.kernel());
        }
        long parameters = launch.parameters().address();
        for (int i = 0; i < launch.count(); i++) {
            table.setAtIndex(ValueLayout.JAVA_LONG, i, parameters + launch.offsets()[i]);
        }
        int code = JCudaDriver.cuLaunchKernel(
                function,
                launch.x(),
                launch.y(),
                launch.z(),
                launch.threads(),
                1,
                1,
                launch.shared(),
                stream,
                tablePointer,
                null);
        check(code, launch.kernel());
    }

    @Override
    public boolean multiply(Product product) {
        enter();
        return products != null && products.multiply(product, workspace, stream.address());
    }

    private CUfunction find(String kernel) {
        CUfunction function = new CUfunction();
        check(JCudaDriver.cuModuleGetFunction(function, module, kernel), kernel);
        return function;
    }

    /** Contexts belong to threads: whoever calls next takes it over. */
    private void enter() {
        if (lost != null) {
            throw new DeviceLostException(lost);
        }
        if (closed) {
            throw new IllegalStateException("These kernels are closed.");
        }
        Thread caller = Thread.currentThread();
        if (caller != current) {
            check(JCudaDriver.cuCtxSetCurrent(context), "a context");
            current = caller;
        }
    }

    /** Errors of what was launched before show at any later call. */
    private void check(int code, String what) {
        if (code != CUDA_SUCCESS) {
            lost = "%s failed at %s (%s); what it held is lost.".formatted(name, what, error(code));
            throw new DeviceLostException(lost);
        }
    }

    private static void begin(int code, String what) {
        if (code != CUDA_SUCCESS) {
            throw new DeviceException("The GPU %s (%s).".formatted(what, error(code)));
        }
    }

    private static String error(int code) {
        String[] text = new String[1];
        return JCudaDriver.cuGetErrorString(code, text) == CUDA_SUCCESS && text[0] != null ? text[0] : "error " + code;
    }

    private static int attribute(CUdevice device, int attribute) {
        int[] value = new int[1];
        begin(JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "does not say what it is");
        return value[0];
    }

    private static String nameOf(CUdevice device) {
        byte[] name = new byte[NAME_BYTES];
        begin(JCudaDriver.cuDeviceGetName(name, name.length, device), "has no name");
        int length = 0;
        while (length < name.length && name[length] != 0) {
            length++;
        }
        return new String(name, 0, length, StandardCharsets.UTF_8);
    }

    private static long memoryOf(CUdevice device) {
        long[] bytes = new long[1];
        begin(JCudaDriver.cuDeviceTotalMem(bytes, device), "does not say how much memory it has");
        return bytes[0];
    }

    /** An address as JCuda wants it. */
    static CUdeviceptr at(long address) {
        return new CUdeviceptr().withByteOffset(address);
    }

    /** A stream whose address others may have. */
    private static final class Stream extends CUstream {
        long address() {
            return getNativePointer();
        }
    }

    /** A place for an address that JCuda gives. */
    private static final class Address extends CUdeviceptr {
        long value() {
            return getNativePointer();
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (lost == null) {
            enter();
            pinned.close();
            if (products != null) {
                products.close();
                JCudaDriver.cuMemFree(at(workspace));
            }
            JCudaDriver.cuStreamDestroy(stream);
            JCudaDriver.cuModuleUnload(module);
        }
        JCudaDriver.cuDevicePrimaryCtxRelease(device);
        closed = true;
        arena.close();
    }
}
