package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.memory.StackedWorkspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/** A driver with what the kernels share: scratch memory, launches, and the copies that need a kernel. */
final class Device implements AutoCloseable {
    private static final long PARAMETER_BYTES = 512;

    private final Driver driver;
    private final Workspace scratch;
    private final Arena arena = Arena.ofShared();
    private final Launch launch;
    private final UploadedInts ints;

    Device(Driver driver) {
        this.driver = driver;
        scratch = workspace();
        launch = new Launch(driver, arena.allocate(PARAMETER_BYTES, Long.BYTES));
        ints = new UploadedInts(driver);
    }

    String name() {
        return driver.name();
    }

    Workspace workspace() {
        return workspace(closed -> {});
    }

    /** @param closing called when it is about to be closed */
    StackedWorkspace workspace(Consumer<StackedWorkspace> closing) {
        return new StackedWorkspace(new DeviceMemory(driver), closing);
    }

    /** Memory for the time of one operation, which gives it back to its mark. */
    Workspace scratch() {
        return scratch;
    }

    UploadedInts ints() {
        return ints;
    }

    boolean multiply(Product product) {
        return driver.multiply(product);
    }

    /** Begins a launch. */
    Launch launch(String kernel) {
        return launch.of(kernel);
    }

    /** A tensor in scratch memory with these numbers. */
    Tensor scratchInts(int[] values) {
        Tensor tensor = scratch.take(DType.I32, values.length);
        driver.upload(MemorySegment.ofArray(values), tensor.data().address());
        return tensor;
    }

    void upload(MemorySegment source, Tensor target) {
        driver.upload(source, target.data().address());
    }

    void download(Tensor source, MemorySegment target) {
        driver.download(source.data().address(), target);
    }

    /** Between tensors of one type. */
    void copy(Tensor source, Tensor target) {
        driver.copy(
                source.data().address(), target.data().address(), source.data().byteSize());
    }

    void zero(Tensor target) {
        driver.zero(target.data().address(), target.data().byteSize());
    }

    /** Between F32 and BF16, or within one of them. */
    void convert(Tensor source, Tensor target) {
        if (source.dtype() == target.dtype()) {
            copy(source, target);
        } else {
            launch("convert").with(source).with(target).with(source.size()).overElements(source.size());
        }
    }

    @Override
    public void close() {
        scratch.close();
        driver.close();
        arena.close();
    }
}
