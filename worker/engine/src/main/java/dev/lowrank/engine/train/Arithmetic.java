package dev.lowrank.engine.train;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.engine.spec.ComputeType;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;

/**
 * What a run computes in, and why.
 *
 * @param type BF16 or F32
 * @param reason one sentence
 */
public record Arithmetic(DType type, String reason) {
    /** What a spec would say to have it so. */
    ComputeType computeType() {
        return type == DType.BF16 ? ComputeType.BFLOAT16 : ComputeType.FLOAT32;
    }

    @Override
    public String toString() {
        return reason;
    }

    static Arithmetic choose(ComputeType wanted, ModelFolder base, Kernels kernels) {
        return switch (wanted) {
            case FLOAT32 -> new Arithmetic(DType.F32, "Computes in float32, as the spec says.");
            case BFLOAT16 ->
                new Arithmetic(
                        DType.BF16,
                        kernels.multipliesBf16()
                                ? "Computes in bfloat16 with sums in float32, as the spec says."
                                : "Computes in bfloat16 with sums in float32, as the spec says; this device has no instructions for it, so float32 would be faster.");
            case AUTO -> fitting(base, kernels);
        };
    }

    private static Arithmetic fitting(ModelFolder base, Kernels kernels) {
        if (!kernels.multipliesBf16()) {
            return new Arithmetic(DType.F32, "Computes in float32: this device has no instructions for bfloat16.");
        }
        return storedInHalf(base)
                ? new Arithmetic(
                        DType.BF16,
                        "Computes in bfloat16 with sums in float32: the base is stored in 16 bits, and the device multiplies bfloat16 by itself.")
                : new Arithmetic(DType.F32, "Computes in float32, as the base is stored.");
    }

    /** Whether most values that are not of 4 bits are of 16. */
    private static boolean storedInHalf(ModelFolder base) {
        long half = 0;
        long full = 0;
        for (String name : base.tensorNames()) {
            if (base.isNf4(name)) {
                continue;
            }
            StoredType type = base.info(name).dtype();
            long values = 1;
            for (long extent : base.info(name).shape()) {
                values *= extent;
            }
            half += type == StoredType.BF16 || type == StoredType.F16 ? values : 0;
            full += type == StoredType.F32 ? values : 0;
        }
        return half > full;
    }
}
