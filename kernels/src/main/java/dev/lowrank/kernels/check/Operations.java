package dev.lowrank.kernels.check;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.AdamW8State;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FeedForwardLayers;
import dev.lowrank.kernels.FeedForwardState;
import dev.lowrank.kernels.FrozenMatrix;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.LowRankBranch;
import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.TokenLoss;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** All operations of {@link Kernels}, forwards and back, on shapes that no block divides. */
final class Operations {
    static final List<Operation> ALL = Stream.of(
                    elements(), columns(), norms(), products(), layers(), attention(), ends())
            .flatMap(List::stream)
            .toList();

    private Operations() {}

    private static List<Operation> elements() {
        List<Operation> all = new ArrayList<>();
        all.add(Operation.exact("convert", s -> {
            Tensor x = s.floats(s.between(1, 5000));
            s.kernels().convert(x, s.result(x.size()));
        }));
        all.add(Operation.exact("scale", s -> s.kernels().scale(s.result(s.reals(s.between(1, 5000))), 0.37f)));
        all.add(Operation.exact("add", s -> {
            int n = s.between(1, 5000);
            s.kernels().add(s.reals(n), s.reals(n), s.result(n));
        }));
        all.add(Operation.near("softCap", s -> s.kernels().softCap(s.result(s.reals(s.between(1, 5000))), 0.7f)));
        all.add(Operation.exact("dropout", s -> {
            int n = s.between(1, 5000);
            s.kernels().dropout(s.reals(n), 0.3f, 77, false, s.result(n));
        }));
        all.add(Operation.exact(
                "addUniformNoise", s -> s.kernels().addUniformNoise(s.result(s.reals(s.between(1, 5000))), 0.1f, 5)));
        for (Activation activation : Activation.values()) {
            all.add(Operation.near("activation " + activation, s -> {
                int n = s.between(1, 5000);
                Tensor x = s.reals(n);
                s.kernels().activation(activation, x, s.result(n));
                s.kernels().activationBackward(activation, s.reals(n), x, s.result(n));
            }));
            all.add(Operation.near("gated " + activation, s -> {
                int n = s.between(1, 5000);
                Tensor gate = s.reals(n);
                Tensor up = s.reals(n);
                s.kernels().gated(activation, gate, up, s.result(n));
                s.kernels().gatedBackward(activation, s.reals(n), gate, up, s.result(n), s.result(n));
            }));
        }
        return all;
    }

    private static List<Operation> columns() {
        return List.of(
                Operation.near("addBias", s -> {
                    int rows = s.between(1, 70);
                    int columns = s.between(1, 300);
                    s.kernels().addBias(s.result(s.reals(rows, columns)), s.floats(columns));
                    s.kernels().columnSums(s.reals(rows, columns), s.result(s.floats(columns)));
                }),
                Operation.exact("copyColumns", s -> {
                    int rows = s.between(1, 70);
                    int columns = s.between(3, 300);
                    s.kernels()
                            .copyColumns(
                                    s.reals(rows, columns + 5), 2, s.result(s.reals(rows, columns + 1)), 1, columns);
                }),
                Operation.near("scaleColumns", s -> {
                    int rows = s.between(1, 70);
                    int columns = s.between(1, 300);
                    Tensor x = s.reals(rows, columns);
                    Tensor factor = s.floats(columns);
                    s.kernels().scaleColumns(x, factor, s.result(rows, columns));
                    s.kernels()
                            .scaleColumnsBackward(
                                    s.reals(rows, columns),
                                    x,
                                    factor,
                                    s.result(s.reals(rows, columns)),
                                    s.result(s.floats(columns)));
                }),
                Operation.near("rowNorms", s -> {
                    int rows = s.between(1, 70);
                    s.kernels().rowNorms(s.reals(rows, s.between(1, 3000)), s.floatResult(rows));
                }),
                Operation.near("sumOfSquares", s -> {
                    Tensor x = s.reals(s.between(1, 50_000));
                    float sum = (float) s.kernels().sumOfSquares(x);
                    s.kernels().upload(new float[] {sum, s.kernels().allFinite(x) ? 1 : 0}, 0, s.floatResult(2));
                }));
    }

    private static List<Operation> norms() {
        return List.of(
                Operation.near("rmsNorm", s -> {
                    int rows = s.between(1, 70);
                    int columns = s.between(1, 3000);
                    Tensor x = s.reals(rows, columns);
                    Tensor weight = s.floats(columns);
                    Tensor rstd = s.floatResult(rows);
                    s.kernels().rmsNorm(x, weight, 1, 1e-6f, s.result(rows, columns), rstd);
                    s.kernels()
                            .rmsNormBackward(
                                    s.reals(rows, columns),
                                    x,
                                    weight,
                                    1,
                                    rstd,
                                    s.result(s.reals(rows, columns)),
                                    s.result(s.floats(columns)));
                }),
                Operation.near("layerNorm", s -> {
                    int rows = s.between(1, 70);
                    int columns = s.between(2, 3000);
                    Tensor x = s.reals(rows, columns);
                    Tensor weight = s.floats(columns);
                    Tensor mean = s.floatResult(rows);
                    Tensor rstd = s.floatResult(rows);
                    s.kernels().layerNorm(x, weight, s.floats(columns), 1e-5f, s.result(rows, columns), mean, rstd);
                    s.kernels()
                            .layerNormBackward(
                                    s.reals(rows, columns),
                                    x,
                                    weight,
                                    mean,
                                    rstd,
                                    s.result(s.reals(rows, columns)),
                                    s.result(s.floats(columns)),
                                    s.result(s.floats(columns)));
                }));
    }

    private static List<Operation> products() {
        List<Operation> all = new ArrayList<>();
        for (boolean left : new boolean[] {false, true}) {
            for (boolean right : new boolean[] {false, true}) {
                all.add(Operation.near("matmul" + (left ? " a^T" : "") + (right ? " b^T" : ""), s -> {
                    int m = s.between(1, 300);
                    int n = s.between(1, 300);
                    int k = s.between(1, 700);
                    Tensor a = left ? s.reals(k, m) : s.reals(m, k);
                    Tensor b = right ? s.reals(n, k) : s.reals(k, n);
                    s.kernels().matmul(a, left, b, right, 2, 1, s.result(s.reals(m, n)));
                    s.kernels().matmul(a, left, b, right, 1, 0, s.result(m, n));
                }));
            }
        }
        all.add(Operation.inBf16("matmul with a frozen matrix", s -> {
            int m = s.between(1, 300);
            int rows = s.between(1, 300);
            int columns = s.between(1, 300);
            for (boolean fourBits : new boolean[] {false, true}) {
                FrozenMatrix w = frozen(s, rows, columns, fourBits);
                Term term = new Term(s.reals(m, 5), s.floats(rows, 5), true, 0.5f);
                s.kernels().matmul(s.reals(m, columns), w, true, term, 0, s.result(m, rows));
                s.kernels().matmul(s.reals(m, rows), w, false, null, 1, s.result(s.reals(m, columns)));
            }
        }));
        for (boolean doubled : new boolean[] {false, true}) {
            all.add(Operation.exact(doubled ? "quantizeNf4, scales too" : "quantizeNf4", s -> {
                int rows = s.between(1, 100);
                int columns = s.between(1, 300);
                Nf4 weight = Nf4.allocate(s.memory(), rows, columns, doubled);
                s.kernels().quantizeNf4(s.floats(rows, columns), weight);
                s.kernels().dequantizeNf4(weight, s.result(rows, columns));
            }));
        }
        return all;
    }

    private static FrozenMatrix frozen(Side s, int rows, int columns, boolean fourBits) {
        Tensor dense = s.floats(rows, columns);
        if (!fourBits) {
            return s.kernels().pack(dense, s.memory());
        }
        Nf4 weight = Nf4.allocate(s.memory(), rows, columns, true);
        s.kernels().quantizeNf4(dense, weight);
        return weight;
    }

    private static LowRankLayer layer(Side s, int in, int out, boolean fourBits) {
        int rank = s.between(1, 20);
        return new LowRankLayer(frozen(s, out, in, fourBits), false, s.floats(rank, in), s.floats(out, rank), 0.25f);
    }

    private static LowRankGradient gradient(Side s, LowRankLayer layer) {
        return new LowRankGradient(
                s.result(s.floats(layer.rank(), layer.inputs())), s.result(s.floats(layer.outputs(), layer.rank())));
    }

    private static List<Operation> layers() {
        return List.of(
                Operation.inBf16("lowRank", s -> {
                    int n = s.between(1, 200);
                    LowRankLayer layer = layer(s, s.between(1, 200), s.between(1, 200), n % 2 == 0);
                    Tensor x = s.reals(n, layer.inputs());
                    Tensor h = s.result(n, layer.rank());
                    s.kernels().lowRank(x, layer, s.reals(n, layer.outputs()), h, s.result(n, layer.outputs()));
                    LowRankGradient gradient = gradient(s, layer);
                    Tensor dy = s.reals(n, layer.outputs());
                    s.kernels()
                            .lowRankBackward(
                                    dy, x, h, layer, gradient.a(), gradient.b(), 0, s.result(n, layer.inputs()));
                }),
                Operation.inBf16("lowRankBranches", s -> {
                    int n = s.between(1, 200);
                    int in = s.between(1, 200);
                    Tensor x = s.stored(DType.BF16, n, in);
                    List<LowRankBranch> branches = new ArrayList<>();
                    List<LowRankBranch> back = new ArrayList<>();
                    List<LowRankGradient> gradients = new ArrayList<>();
                    for (int i = 0; i < 3; i++) {
                        LowRankLayer layer = layer(s, in, s.between(1, 100), i == 1);
                        Tensor h = s.result(s.poisoned(DType.BF16, n, layer.rank()));
                        branches.add(new LowRankBranch(layer, h, s.result(n, layer.outputs())));
                        back.add(new LowRankBranch(layer, h, s.reals(n, layer.outputs())));
                        gradients.add(gradient(s, layer));
                    }
                    s.kernels().lowRankBranches(x, branches);
                    Tensor dx = s.result(s.poisoned(DType.BF16, n, in));
                    s.kernels().lowRankBranchesBackward(x, back, gradients, 0, dx);
                }),
                Operation.inBf16("feedForward", s -> feedForward(s)));
    }

    private static void feedForward(Side s) {
        int n = s.between(1, 200);
        int width = s.between(1, 100);
        int inner = s.between(1, 200);
        LowRankLayer gate = layer(s, width, inner, true);
        LowRankLayer up = layer(s, width, inner, false);
        LowRankLayer down = layer(s, inner, width, false);
        FeedForwardLayers layers = new FeedForwardLayers(Activation.SILU, gate, up, down);
        FeedForwardState kept = new FeedForwardState(
                s.poisoned(DType.BF16, n, inner),
                s.poisoned(DType.BF16, n, inner),
                s.poisoned(DType.BF16, n, gate.rank()),
                s.poisoned(DType.BF16, n, up.rank()),
                s.poisoned(DType.BF16, n, down.rank()));
        Tensor x = s.stored(DType.BF16, n, width);
        s.kernels().feedForward(x, layers, s.reals(n, width), kept, s.result(n, width));
        Tensor dx = s.result(s.poisoned(DType.BF16, n, width));
        s.kernels()
                .feedForwardBackward(
                        s.reals(n, width), x, layers, kept, gradient(s, gate), gradient(s, up), gradient(s, down), dx);
    }

    private static List<Operation> attention() {
        List<Operation> all = new ArrayList<>();
        all.add(Operation.near("rope", s -> {
            int rows = s.between(1, 70);
            int half = s.between(1, 64);
            Tensor x = s.result(s.reals(rows, 3L * (2 * half + 3)));
            s.kernels().rope(x, 3, s.ints(rows, 90), s.floats(90, half), s.floats(90, half), rows % 2 == 0);
        }));
        for (int width : new int[] {16, 64, 80, 128, 256}) {
            all.add(Operation.near("attention of width " + width, s -> attention(s, width, 0, 0)));
        }
        all.add(Operation.near("attention with a window", s -> attention(s, 64, 37, 0)));
        all.add(Operation.near("attention with a cap", s -> attention(s, 64, 0, 3)));
        return all;
    }

    private static void attention(Side s, int width, int window, float cap) {
        int[] queries = {0, s.between(1, 90), 0, s.between(1, 150), 1};
        int[] starts = new int[queries.length + 1];
        int[] keyStarts = new int[queries.length + 1];
        for (int i = 0; i < queries.length; i++) {
            starts[i + 1] = starts[i] + queries[i];
            keyStarts[i + 1] = keyStarts[i] + queries[i] + (i == 3 ? 21 : 0);
        }
        int n = starts[queries.length];
        int m = keyStarts[queries.length];
        Sequences sequences = new Sequences(starts, keyStarts);
        AttentionShape shape = new AttentionShape(4, 2, (float) (1 / Math.sqrt(width)), window, cap);
        Tensor q = s.reals(n, 4L * width);
        Tensor k = s.reals(m, 2L * width);
        Tensor v = s.reals(m, 2L * width);
        Tensor out = s.result(n, 4L * width);
        Tensor lse = s.floatResult(n, 4);
        s.kernels().attention(q, k, v, sequences, shape, out, lse);
        s.kernels()
                .attentionBackward(
                        s.reals(n, 4L * width),
                        q,
                        k,
                        v,
                        out,
                        lse,
                        sequences,
                        shape,
                        s.result(n, 4L * width),
                        s.result(m, 2L * width),
                        s.result(m, 2L * width));
    }

    private static List<Operation> ends() {
        return List.of(
                Operation.near("embedding", s -> {
                    int n = s.between(1, 70);
                    int width = s.between(1, 300);
                    Tensor ids = s.ints(n, 50);
                    s.kernels().embedding(ids, s.reals(50, width), s.result(n, width));
                    Packed table = s.kernels().packTable(s.floats(50, width), s.memory());
                    s.kernels().embedding(ids, table, s.result(n, width));
                    s.kernels().embeddingBackward(ids, s.reals(n, width), s.result(s.floats(50, width)));
                }),
                Operation.near("linearCrossEntropy", s -> linearCrossEntropy(s, 0, false)),
                Operation.near("linearCrossEntropy with a cap", s -> linearCrossEntropy(s, 5, false)),
                Operation.inBf16("linearCrossEntropy with a frozen head", s -> linearCrossEntropy(s, 0, true)),
                Operation.near("adamW", s -> {
                    int n = s.between(1, 5000);
                    AdamWStep step = new AdamWStep(3, 1e-2, 0.9, 0.999, 1e-8, 0.1);
                    s.kernels()
                            .adamW(
                                    s.result(s.floats(n)),
                                    s.floats(n),
                                    s.result(s.floats(n)),
                                    s.result(s.positive(n)),
                                    step);
                }),
                Operation.near("adamW8bit", s -> {
                    int n = s.between(1, 5000);
                    AdamW8State state = AdamW8State.zero(s.kernels(), s.memory(), n);
                    Tensor parameter = s.result(s.floats(n));
                    for (int i = 1; i <= 3; i++) {
                        AdamWStep step = new AdamWStep(i, 1e-2, 0.9, 0.999, 1e-8, 0.1);
                        s.kernels().adamW8bit(parameter, s.floats(n), state, step);
                    }
                    s.result(state.mScale());
                    s.result(state.vScale());
                }));
    }

    private static void linearCrossEntropy(Side s, float cap, boolean frozen) {
        int n = s.between(2, 90);
        int width = s.between(1, 70);
        int vocabulary = s.between(2, 1500);
        Tensor hidden = s.reals(n, width);
        Tensor labels = labels(s, n, vocabulary);
        TokenLoss target = TokenLoss.of(labels, 1f / n).withSoftCap(cap).withRowScale(s.positive(n));
        Tensor losses = s.floatResult(n);
        Tensor dHidden = s.result(n, width);
        LossSum sum;
        if (frozen) {
            Packed head = s.kernels().packTable(s.floats(vocabulary, width), s.memory());
            sum = s.kernels().linearCrossEntropy(hidden, head, target, losses, dHidden, s.memory());
        } else {
            Tensor dWeight = s.result(s.floats(vocabulary, width));
            Tensor head = s.reals(vocabulary, width);
            sum = s.kernels().linearCrossEntropy(hidden, head, target, losses, dHidden, dWeight, s.memory());
        }
        float[] all = {(float) sum.loss(), sum.tokens()};
        s.kernels().upload(all, 0, s.floatResult(2));
    }

    private static Tensor labels(Side s, int n, int vocabulary) {
        int[] labels = new int[n];
        for (int i = 0; i < n; i++) {
            labels[i] = i % 5 == 3 ? Kernels.IGNORED : s.between(0, vocabulary - 1);
        }
        return s.ints(labels);
    }
}
