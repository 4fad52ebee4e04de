package dev.lowrank.kernels;

import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/** Every operation once more: double precision, plain loops, no thought of speed. Names and shapes as in {@link Kernels}. */
final class Reference {
    private Reference() {}

    static double[] matmul(
            double[] a,
            boolean ta,
            double[] b,
            boolean tb,
            double alpha,
            double beta,
            double[] c,
            int m,
            int n,
            int k) {
        double[] out = new double[m * n];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int l = 0; l < k; l++) {
                    sum += (ta ? a[l * m + i] : a[i * k + l]) * (tb ? b[j * k + l] : b[l * n + j]);
                }
                out[i * n + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * n + j]);
            }
        }
        return out;
    }

    /** {@code half} columns in the tables, {@code width} in a head. */
    static double[] rope(
            double[] x,
            int heads,
            int width,
            int half,
            int[] positions,
            double[] cos,
            double[] sin,
            boolean transposed) {
        double[] out = x.clone();
        for (int row = 0; row < positions.length * heads; row++) {
            for (int i = 0; i < half; i++) {
                double c = cos[positions[row / heads] * half + i];
                double s = sin[positions[row / heads] * half + i] * (transposed ? -1 : 1);
                double first = x[row * width + i];
                double second = x[row * width + half + i];
                out[row * width + i] = first * c - second * s;
                out[row * width + half + i] = second * c + first * s;
            }
        }
        return out;
    }

    record Attended(double[] out, double[] lse) {}

    static Attended attention(
            double[] q, double[] k, double[] v, Sequences sequences, AttentionShape shape, int width) {
        double[] out = new double[q.length];
        double[] lse = new double[q.length / width];
        for (Row row : rows(sequences, shape)) {
            double[] p = probabilities(scores(q, k, row, shape, width), row, lse);
            for (int j = 0; j < p.length; j++) {
                for (int d = 0; d < width; d++) {
                    out[row.query * width + d] += p[j] * v[row.key(j) * width + d];
                }
            }
        }
        return new Attended(out, lse);
    }

    record AttentionGradient(double[] dQ, double[] dK, double[] dV) {}

    static AttentionGradient attentionBackward(
            double[] dOut, double[] q, double[] k, double[] v, Sequences sequences, AttentionShape shape, int width) {
        double[] dQ = new double[q.length];
        double[] dK = new double[k.length];
        double[] dV = new double[v.length];
        for (Row row : rows(sequences, shape)) {
            double[] scores = scores(q, k, row, shape, width);
            double[] p = probabilities(scores, row, new double[q.length / width]);
            double[] dP = new double[p.length];
            double mean = 0;
            for (int j = 0; j < p.length; j++) {
                for (int d = 0; d < width; d++) {
                    dP[j] += dOut[row.query * width + d] * v[row.key(j) * width + d];
                    dV[row.key(j) * width + d] += p[j] * dOut[row.query * width + d];
                }
                mean += p[j] * dP[j];
            }
            for (int j = 0; j < p.length; j++) {
                double dS = p[j] * (dP[j] - mean) * capSlope(scores[j], shape.softCap());
                for (int d = 0; d < width; d++) {
                    dQ[row.query * width + d] += shape.scale() * dS * k[row.key(j) * width + d];
                    dK[row.key(j) * width + d] += shape.scale() * dS * q[row.query * width + d];
                }
            }
        }
        return new AttentionGradient(dQ, dK, dV);
    }

    /** How far off results may be, element by element. */
    record AttentionBounds(double[] out, double[] dQ, double[] dK, double[] dV) {}

    /**
     * The bounds where BF16 is what is stored: with u = 2^-8, half of its last place, P and dS are each off by u of
     * themselves, and results by u of themselves once more. So out is off by at most {@code 2u P |V|}, dV by
     * {@code 2u P^T |dO|}. What out is off by comes back in {@code delta = dO . out}: dS is off by
     * {@code E = u |dS| + P (|dO| . 2u P |V|)} in all, dQ by {@code scale E |K| + u |dQ|}, dK by
     * {@code scale E^T |Q| + u |dK|}. All is taken a hundredth larger, for what fp32 adds.
     */
    static AttentionBounds attentionBounds(
            double[] dOut, double[] q, double[] k, double[] v, Sequences sequences, AttentionShape shape, int width) {
        double u = 1.01 * 0x1p-8;
        double[] out = new double[q.length];
        AttentionGradient exact = attentionBackward(dOut, q, k, v, sequences, shape, width);
        double[] dQ = magnitudes(exact.dQ, u);
        double[] dK = magnitudes(exact.dK, u);
        double[] dV = new double[v.length];
        for (Row row : rows(sequences, shape)) {
            double[] scores = scores(q, k, row, shape, width);
            double[] p = probabilities(scores, row, new double[q.length / width]);
            double[] dP = new double[p.length];
            double mean = 0;
            double meanOff = 0;
            for (int j = 0; j < p.length; j++) {
                for (int d = 0; d < width; d++) {
                    double gradient = dOut[row.query * width + d];
                    double value = v[row.key(j) * width + d];
                    dP[j] += gradient * value;
                    meanOff += 2 * u * p[j] * Math.abs(gradient * value);
                    out[row.query * width + d] += 2 * u * p[j] * Math.abs(value);
                    dV[row.key(j) * width + d] += 2 * u * p[j] * Math.abs(gradient);
                }
                mean += p[j] * dP[j];
            }
            for (int j = 0; j < p.length; j++) {
                double slope = capSlope(scores[j], shape.softCap());
                double off = Math.abs(shape.scale()) * p[j] * slope * (u * Math.abs(dP[j] - mean) + meanOff);
                for (int d = 0; d < width; d++) {
                    dQ[row.query * width + d] += off * Math.abs(k[row.key(j) * width + d]);
                    dK[row.key(j) * width + d] += off * Math.abs(q[row.query * width + d]);
                }
            }
        }
        return new AttentionBounds(out, dQ, dK, dV);
    }

    private static double[] magnitudes(double[] values, double factor) {
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = factor * Math.abs(values[i]);
        }
        return result;
    }

    /** One query of one head: its place among all (row, head) pairs, and the keys it sees. */
    private record Row(int query, int firstKey, int seen, int kvHead, int kvHeads) {
        int key(int j) {
            return (firstKey + j) * kvHeads + kvHead;
        }
    }

    private static Row[] rows(Sequences sequences, AttentionShape shape) {
        ArrayList<Row> rows = new ArrayList<>();
        int group = shape.heads() / shape.kvHeads();
        for (int s = 0; s < sequences.count(); s++) {
            int queries = sequences.queryStarts()[s + 1] - sequences.queryStarts()[s];
            int keys = sequences.keyStarts()[s + 1] - sequences.keyStarts()[s];
            for (int i = 0; i < queries; i++) {
                int position = keys - queries + i;
                int first = 0;
                while (shape.window() > 0 && position - first >= shape.window()) {
                    first++;
                }
                for (int h = 0; h < shape.heads(); h++) {
                    int query = (sequences.queryStarts()[s] + i) * shape.heads() + h;
                    int firstKey = sequences.keyStarts()[s] + first;
                    rows.add(new Row(query, firstKey, position - first + 1, h / group, shape.kvHeads()));
                }
            }
        }
        return rows.toArray(Row[]::new);
    }

    private static double[] scores(double[] q, double[] k, Row row, AttentionShape shape, int width) {
        double[] s = new double[row.seen];
        for (int j = 0; j < s.length; j++) {
            for (int d = 0; d < width; d++) {
                s[j] += shape.scale() * q[row.query * width + d] * k[row.key(j) * width + d];
            }
            s[j] = softCap(s[j], shape.softCap());
        }
        return s;
    }

    private static double[] probabilities(double[] scores, Row row, double[] lse) {
        double[] p = new double[scores.length];
        double max = Double.NEGATIVE_INFINITY;
        for (double score : scores) {
            max = Math.max(max, score);
        }
        double sum = 0;
        for (double score : scores) {
            sum += Math.exp(score - max);
        }
        lse[row.query] = max + Math.log(sum);
        for (int j = 0; j < p.length; j++) {
            p[j] = Math.exp(scores[j] - lse[row.query]);
        }
        return p;
    }

    /** A cap of 0 is none. */
    static double softCap(double x, double cap) {
        return cap == 0 ? x : cap * Math.tanh(x / cap);
    }

    /** The derivative of the cap, from the capped value. */
    private static double capSlope(double capped, double cap) {
        return cap == 0 ? 1 : 1 - (capped / cap) * (capped / cap);
    }

    /** Whether dropout keeps element i: the same mask on every device. */
    static boolean keeps(long key, long i, float rate) {
        return bits(key, i) >>> 8 >= Math.round(rate * 0x1000000);
    }

    /** A number in [0, 1), the same on every device. */
    static double uniform(long key, long i) {
        return (bits(key, i) >>> 8) * 0x1p-24;
    }

    private static int bits(long key, long i) {
        long k = key + (i >>> 20) * 0x9E3779B97F4A7C15L;
        k = (k ^ (k >>> 30)) * 0xBF58476D1CE4E5B9L;
        k = (k ^ (k >>> 27)) * 0x94D049BB133111EBL;
        k ^= k >>> 31;
        return mix(mix((int) ((i & 0xFFFFF) + k)) ^ (int) (k >>> 32));
    }

    private static int mix(int z) {
        z = (z ^ (z >>> 16)) * 0x85EBCA6B;
        z = (z ^ (z >>> 13)) * 0xC2B2AE35;
        return z ^ (z >>> 16);
    }

    /** {@code losses} has one loss for each row. */
    record Entropy(LossSum sum, double[] losses, double[] dHidden, double[] dWeight) {}

    /** {@code rowScale} null is 1 everywhere, {@code softCap} 0 is none. */
    static Entropy linearCrossEntropy(
            double[] hidden,
            double[] weight,
            int[] labels,
            double scale,
            double @Nullable [] rowScale,
            double softCap,
            int width) {
        int vocabulary = weight.length / width;
        double[] losses = new double[labels.length];
        double[] dHidden = new double[hidden.length];
        double[] dWeight = new double[weight.length];
        LossSum sum = LossSum.ZERO;
        for (int n = 0; n < labels.length; n++) {
            if (labels[n] == Kernels.IGNORED) {
                continue;
            }
            double[] z = new double[vocabulary];
            int best = 0;
            for (int t = 0; t < vocabulary; t++) {
                for (int c = 0; c < width; c++) {
                    z[t] += hidden[n * width + c] * weight[t * width + c];
                }
                z[t] = softCap(z[t], softCap);
                best = z[t] > z[best] ? t : best;
            }
            double total = 0;
            for (double one : z) {
                total += Math.exp(one - z[best]);
            }
            double lse = z[best] + Math.log(total);
            losses[n] = lse - z[labels[n]];
            sum = sum.plus(new LossSum(losses[n], 1, best == labels[n] ? 1 : 0));
            for (int t = 0; t < vocabulary; t++) {
                double g = scale * (Math.exp(z[t] - lse) - (t == labels[n] ? 1 : 0)) * capSlope(z[t], softCap);
                g *= rowScale == null ? 1 : rowScale[n];
                for (int c = 0; c < width; c++) {
                    dHidden[n * width + c] += g * weight[t * width + c];
                    dWeight[t * width + c] += g * hidden[n * width + c];
                }
            }
        }
        return new Entropy(sum, losses, dHidden, dWeight);
    }

    /** In place. */
    static void adamW(double[] p, double[] g, double[] m, double[] v, AdamWStep step) {
        for (int i = 0; i < p.length; i++) {
            p[i] *= 1 - step.learningRate() * step.weightDecay();
            m[i] = step.beta1() * m[i] + (1 - step.beta1()) * g[i];
            v[i] = step.beta2() * v[i] + (1 - step.beta2()) * g[i] * g[i];
            double rate = step.learningRate() / (1 - Math.pow(step.beta1(), step.step()));
            double root = Math.sqrt(1 - Math.pow(step.beta2(), step.step()));
            p[i] -= rate * m[i] / (Math.sqrt(v[i]) / root + step.epsilon());
        }
    }
}
