package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.LowRankBranch;
import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Frozen linear layers with low-rank updates that read the same rows, forward and backward, a strip of rows at a time: all
 * products that read a strip follow each other while it is in the cache, and the team is called once. Done product by
 * product, half of the time went into bringing the same rows from memory again.
 */
final class LowRankProducts implements AutoCloseable {
    private final Team team;
    private final Bf16Matmul matmul;
    private final List<LowRankWork> work = new ArrayList<>(); // for as many layers as there were at once
    private final Part[] parts;

    /** What one thread works in. */
    private static final class Part {
        private final SpreadRows wide = new SpreadRows(); // BF16 [strip, in] or [strip, out]: x or dy
        private final Scratch t = new Scratch(); // BF16 [strip, r]
    }

    LowRankProducts(Team team, Bf16Matmul matmul) {
        this.team = team;
        this.matmul = matmul;
        this.parts = new Part[team.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Part();
        }
    }

    /** {@code h = x A^T} and {@code y = base + x W^T + scale h B^T}; x, h BF16, y BF16 or F32. */
    void forward(Tensor x, LowRankLayer layer, @Nullable Tensor base, Tensor h, Tensor y) {
        forward(x, List.of(new LowRankBranch(layer, h, y)), base);
    }

    /** The same of several layers, which need no base. */
    void forward(Tensor x, List<LowRankBranch> branches) {
        forward(x, branches, null);
    }

    private void forward(Tensor x, List<LowRankBranch> branches, @Nullable Tensor base) {
        List<LowRankFactors.Direction> to = new ArrayList<>();
        Pieces packing = new Pieces(team);
        for (LowRankBranch branch : branches) {
            to.add(work(to.size()).factors().forward(branch.layer(), packing));
        }
        packing.run();
        team.split(x.rows(), Bf16Matmul.ROWS, team.parts(size(branches)), (part, from, end) -> {
            StripProduct product = matmul.part(part).product();
            int strip = product.rows(x.columns());
            for (long i = from; i < end; i += strip) {
                int m = (int) Math.min(strip, end - i);
                Bf16Matmul.Left input = parts[part].wide.of(x, i, m);
                for (int b = 0; b < branches.size(); b++) {
                    Tensor y = branches.get(b).y();
                    MemorySegment thin = rows(branches.get(b).h(), i);
                    to.get(b).reduce(product, m, input, thin);
                    boolean half = y.dtype() == DType.BF16;
                    MemorySegment before = base == null ? null : rows(base, i);
                    to.get(b).expand(product, m, input, thin, rows(y, i), half, before);
                }
            }
        });
    }

    /**
     * Derivation: with {@code h = x A^T}, {@code y = x W^T + s h B^T} and {@code t = s dy B} (the gradient of h),
     *
     * <pre>
     * dB = s dy^T h,  dA = t^T x,  dx = dy W + t A
     * </pre>
     *
     * and dx is the sum over all layers that read x.
     *
     * @param branches with dy BF16 or F32 [N, out]
     * @param dx BF16 [N, in], to which it is added if {@code beta} is 1; null where it is not wanted
     */
    void backward(
            Tensor x, List<LowRankBranch> branches, List<LowRankGradient> wanted, float beta, @Nullable Tensor dx) {
        List<LowRankFactors.Direction> back = new ArrayList<>();
        Pieces packing = new Pieces(team);
        int widest = 0;
        for (LowRankBranch branch : branches) {
            back.add(work(back.size()).factors().backward(branch.layer(), packing));
            widest = Math.max(widest, branch.layer().outputs());
        }
        packing.run();
        int longest = widest;
        team.split(x.rows(), Bf16Matmul.ROWS, team.parts(size(branches)), (part, from, end) -> {
            Bf16Matmul.Part mine = matmul.part(part);
            for (int b = 0; b < branches.size(); b++) {
                work(b).sums().begin(part);
            }
            int strip = mine.product().rows(longest);
            for (long i = from; i < end; i += strip) {
                int m = (int) Math.min(strip, end - i);
                for (int b = 0; b < branches.size(); b++) {
                    LowRankBranch branch = branches.get(b);
                    Bf16Matmul.Left d = parts[part].wide.of(branch.y(), i, m);
                    MemorySegment t =
                            parts[part].t.atLeast((long) m * branch.layer().rank() * Short.BYTES);
                    back.get(b).reduce(mine.product(), m, d, t);
                    if (dx != null) {
                        MemorySegment sum = rows(dx, i);
                        back.get(b).expand(mine.product(), m, d, t, sum, true, b > 0 || beta != 0 ? sum : null);
                    }
                    MemorySegment h = rows(branch.h(), i);
                    work(b).sums().part(part).add(mine, branch.layer(), wanted.get(b), m, rows(x, i), d, h, t);
                }
            }
        });
        Pieces sums = new Pieces(team);
        for (int b = 0; b < branches.size(); b++) {
            work(b).sums().into(wanted.get(b), branches.get(b).layer(), matmul, team, sums);
        }
        sums.run();
    }

    private LowRankWork work(int place) {
        while (work.size() <= place) {
            work.add(new LowRankWork(team));
        }
        return work.get(place);
    }

    private static long size(List<LowRankBranch> branches) {
        return branches.stream().mapToLong(branch -> branch.y().size()).sum();
    }

    /** A matrix from row i on. */
    static MemorySegment rows(Tensor matrix, long i) {
        return matrix.data().asSlice(i * matrix.columns() * matrix.dtype().bytes());
    }

    /** What weights of 4 bits are unpacked into. */
    long unpackedBytes() {
        return work.stream().mapToLong(one -> one.factors().unpackedBytes()).sum();
    }

    @Override
    public void close() {
        work.forEach(LowRankWork::close);
        for (Part part : parts) {
            part.wide.close();
            part.t.close();
        }
    }
}
