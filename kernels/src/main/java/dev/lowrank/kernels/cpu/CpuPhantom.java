package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FeedForwardLayers;
import dev.lowrank.kernels.FrozenMatrix;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.LowRankBranch;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.PhantomKernels;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.memory.Nowhere;
import dev.lowrank.kernels.memory.StackedWorkspace;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The CPU without memory and without work. Operations that take memory beyond their arguments are run on an idle team,
 * whatever others there are do nothing.
 */
final class CpuPhantom implements InvocationHandler {
    private static final Object[] NONE = {};

    private final CpuKernels device;
    private final int threads;
    private final Bf16Matmul half;
    private final CrossEntropy crossEntropy;
    private final List<StackedWorkspace> open = new ArrayList<>();
    private long peak;
    private final Map<Integer, Long> factors = new HashMap<>(); // of low-rank layers, by their place among branches
    private long strips; // of their results' gradients
    private long insides; // of feed-forwards
    private long blocks; // of attention, in one thread
    private long copies; // in F32 for attention

    private CpuPhantom(CpuKernels device, int threads) {
        this.device = device;
        this.threads = threads;
        Team team = new IdleTeam(threads);
        half = new Bf16Matmul(team, Nowhere.SOURCE);
        crossEntropy = new CrossEntropy(team, new Matmul(team, half), half);
    }

    static PhantomKernels of(CpuKernels device, int threads) {
        return (PhantomKernels) Proxy.newProxyInstance(
                PhantomKernels.class.getClassLoader(),
                new Class<?>[] {PhantomKernels.class},
                new CpuPhantom(device, threads));
    }

    @Override
    public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] given) {
        Object[] arguments = given == null ? NONE : given;
        return switch (method.getName()) {
            case "device" -> device.device();
            case "multipliesBf16" -> device.multipliesBf16();
            case "freeBytes" -> device.freeBytes();
            case "computes" -> false;
            case "phantom" -> of(device, threads);
            case "workspace" -> workspace();
            case "pagedWorkspace" -> StackedWorkspace.phantom(workspace -> {});
            case "ownBytes" -> half.bytes() + lowRankBytes() + insides + threads * blocks + copies;
            case "peakBytes" -> peakBytes();
            case "pack" -> half.pack((Tensor) arguments[0], (Workspace) arguments[1]);
            case "packTable" -> half.pack((Tensor) arguments[0], TiledEntropy.TILE, (Workspace) arguments[1]);
            case "unpack" -> unpack(arguments);
            case "matmul" -> matmul(arguments);
            case "attention" ->
                attention((Sequences) arguments[3], (AttentionShape) arguments[4], tensors(arguments, 0, 1, 2, 5));
            case "attentionBackward" ->
                attention(
                        (Sequences) arguments[6],
                        (AttentionShape) arguments[7],
                        tensors(arguments, 1, 2, 3, 0, 4, 8, 9, 10));
            case "lowRank" -> lowRank(List.of((LowRankLayer) arguments[1]));
            case "lowRankBackward" -> lowRank(List.of((LowRankLayer) arguments[3]));
            case "lowRankBranches", "lowRankBranchesBackward" -> lowRank(layers((List<?>) arguments[1]));
            case "feedForward" -> feedForward((FeedForwardLayers) arguments[1]);
            case "feedForwardBackward" -> feedForward((FeedForwardLayers) arguments[2]);
            case "linearCrossEntropy" -> linearCrossEntropy(arguments);
            case "allFinite" -> true;
            case "sumOfSquares" -> 0.0;
            case "equals" -> proxy == arguments[0];
            case "hashCode" -> System.identityHashCode(proxy);
            case "toString" -> "phantom of " + device.device();
            default -> null;
        };
    }

    private Workspace workspace() {
        StackedWorkspace workspace = StackedWorkspace.phantom(this::closing);
        open.add(workspace);
        return workspace;
    }

    /** Until one is closed their sum can only rise. */
    private void closing(StackedWorkspace workspace) {
        peak = peakBytes();
        open.remove(workspace);
    }

    private long peakBytes() {
        return Math.max(peak, open.stream().mapToLong(StackedWorkspace::peak).sum());
    }

    private @Nullable Object matmul(Object[] of) {
        if (of[1] instanceof FrozenMatrix frozen) {
            half.run((Tensor) of[0], frozen, (boolean) of[2], (Term) of[3], (float) of[4], (Tensor) of[5]);
            return null;
        }
        return matmulOfTensors(of);
    }

    /** Of F32 alone it takes nothing; of BF16 it packs. */
    private @Nullable Object matmulOfTensors(Object[] of) {
        Tensor a = (Tensor) of[0];
        Tensor b = (Tensor) of[2];
        Tensor c = (Tensor) of[6];
        if (Stream.of(a, b, c).anyMatch(tensor -> tensor.dtype() == DType.BF16)) {
            half.run(a, (boolean) of[1], b, (boolean) of[3], (float) of[4], (float) of[5], c);
        }
        return null;
    }

    private @Nullable Object unpack(Object[] of) {
        half.unpack((Packed) of[0], (Tensor) of[1]);
        return null;
    }

    private @Nullable Object lowRank(List<LowRankLayer> layers) {
        for (int i = 0; i < layers.size(); i++) {
            factors.merge(i, factors(layers.get(i)), Math::max);
            LowRankLayer layer = layers.get(i);
            long widest = Math.max(SpreadRows.copied(layer.inputs()), SpreadRows.stride(layer.outputs(), Short.BYTES));
            strips = Math.max(strips, Bf16Matmul.STRIP * widest * Short.BYTES);
        }
        return null;
    }

    private long lowRankBytes() {
        return factors.values().stream().mapToLong(Long::longValue).sum() + threads * strips;
    }

    private static List<LowRankLayer> layers(List<?> branches) {
        return branches.stream().map(branch -> ((LowRankBranch) branch).layer()).toList();
    }

    /** All three layers' factors at once, and for each thread a strip of dOut and two of what is inside. */
    private @Nullable Object feedForward(FeedForwardLayers layers) {
        long all = factors(layers.gate()) + factors(layers.up()) + factors(layers.down());
        insides = Math.max(insides, all + threads * FeedForwardProducts.bytesOfPart(layers));
        return null;
    }

    /** The factors packed, and each thread's part of their gradients; and a weight of 4 bits unpacked. */
    private long factors(LowRankLayer layer) {
        long packed =
                PackedMatrix.bytes(layer.rank(), layer.inputs()) + PackedMatrix.bytes(layer.rank(), layer.outputs());
        long weight = layer.weight() instanceof Nf4 quantized ? Nf4Factor.bytes(quantized) : 0;
        long sums = RowSums.bytes(layer.rank(), layer.inputs()) + RowSums.bytes(layer.rank(), layer.outputs());
        return weight + packed + threads * sums;
    }

    /** No less than what each thread takes on the way back, and forwards; what is fixed is counted as a megabyte. */
    private @Nullable Object attention(Sequences sequences, AttentionShape shape, Tensor... tensors) {
        long keys = 0;
        for (int s = 0; s < sequences.count(); s++) {
            keys = Math.max(keys, sequences.keyStarts()[s + 1] - sequences.keyStarts()[s]);
        }
        long width = Bf16Layout.padded(tensors[0].columns() / shape.heads());
        if (Stream.of(tensors).allMatch(tensor -> tensor.dtype() == DType.F32)) {
            blocks = Math.max(blocks, 2 * Attention.BLOCK * keys * Float.BYTES);
        } else if (device.multipliesBf16()) {
            long packed = 3 * Short.BYTES * width + 4 * Float.BYTES * width;
            blocks = Math.max(blocks, (packed + (long) Float.BYTES * Bf16Blocks.ROWS) * keys + (1 << 20));
        } else {
            blocks = Math.max(blocks, 2 * Attention.BLOCK * keys * Float.BYTES);
            long values = Stream.of(tensors).mapToLong(Tensor::size).sum();
            copies = Math.max(copies, values * Float.BYTES);
        }
        return null;
    }

    private static Tensor[] tensors(Object[] arguments, int... at) {
        return IntStream.of(at).mapToObj(i -> (Tensor) arguments[i]).toArray(Tensor[]::new);
    }

    private LossSum linearCrossEntropy(Object[] a) {
        Workspace scratch = (Workspace) a[a.length - 1];
        long mark = scratch.mark();
        if (a[1] instanceof Packed weight) {
            crossEntropy.tiled((Tensor) a[0], weight, a[4] != null, scratch);
        } else {
            boolean gradient = a[4] != null || a[5] != null;
            crossEntropy.projection((Tensor) a[0], (Tensor) a[1], gradient, scratch);
        }
        scratch.release(mark);
        return LossSum.ZERO;
    }
}
