package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.codes.DynamicMap;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The tables of the 8-bit codes on a device, brought there when they are first used. */
final class DynamicMaps implements AutoCloseable {
    private final Device device;
    private final Workspace memory;
    private @Nullable OnDevice signed;
    private @Nullable OnDevice unsigned;

    private record OnDevice(Tensor values, Tensor bounds, Tensor start) {}

    DynamicMaps(Device device) {
        this.device = device;
        memory = device.workspace();
    }

    /** Adds the map for numbers of either sign and the one for others to a launch. */
    Launch with(Launch launch) {
        signed = signed == null ? bring(DynamicMap.SIGNED) : signed;
        unsigned = unsigned == null ? bring(DynamicMap.UNSIGNED) : unsigned;
        return with(unsigned, with(signed, launch));
    }

    private static Launch with(OnDevice map, Launch launch) {
        return launch.structure(
                map.values.data().address(),
                map.bounds.data().address(),
                map.start.data().address());
    }

    private OnDevice bring(DynamicMap map) {
        return new OnDevice(
                floats(map.values()),
                floats(map.bounds()),
                bring(DType.U8, map.starts().length, MemorySegment.ofArray(map.starts())));
    }

    private Tensor floats(float[] values) {
        return bring(DType.F32, values.length, MemorySegment.ofArray(values));
    }

    private Tensor bring(DType type, int size, MemorySegment values) {
        Tensor tensor = memory.take(type, size);
        device.upload(values, tensor);
        return tensor;
    }

    /** What they take on the device. */
    long bytes() {
        return memory.peak();
    }

    @Override
    public void close() {
        memory.close();
    }
}
