package dev.lowrank.kernels;

/**
 * The running averages of one parameter for {@link Kernels#adamW8bit}: a byte an element and a scale for each block of
 * 256, in bitsandbytes' layout. An average is {@code map[code] * scale}, m by the signed dynamic map, v by the unsigned.
 *
 * @param m U8, one code an element
 * @param mScale F32 [ceil(n / 256)], largest magnitude of m in each block
 * @param v U8, one code an element
 * @param vScale F32 [ceil(n / 256)], largest v in each block
 */
public record AdamW8State(Tensor m, Tensor mScale, Tensor v, Tensor vScale) {
    /** Elements to a scale. */
    public static final int BLOCK = 256;

    /** Parameters of fewer elements keep their state in fp32. */
    public static final int SMALLEST = 4096;

    public AdamW8State {
        long size = m.size();
        check("m", m, DType.U8, size);
        check("mScale", mScale, DType.F32, Math.ceilDiv(size, BLOCK));
        check("v", v, DType.U8, size);
        check("vScale", vScale, DType.F32, Math.ceilDiv(size, BLOCK));
    }

    /** The state before the first update of {@code size} elements. */
    public static AdamW8State zero(Kernels kernels, Workspace memory, long size) {
        long blocks = Math.ceilDiv(size, BLOCK);
        AdamW8State state = new AdamW8State(
                memory.take(DType.U8, size), memory.take(blocks), memory.take(DType.U8, size), memory.take(blocks));
        kernels.zero(state.m);
        kernels.zero(state.mScale);
        kernels.zero(state.v);
        kernels.zero(state.vScale);
        return state;
    }

    /** Elements of the parameter. */
    public long size() {
        return m.size();
    }

    private static void check(String what, Tensor tensor, DType dtype, long size) {
        if (tensor.dtype() != dtype || tensor.size() != size) {
            throw new IllegalArgumentException(
                    "The %s of an 8-bit state must be %s [%d] but is %s.".formatted(what, dtype, size, tensor));
        }
    }
}
