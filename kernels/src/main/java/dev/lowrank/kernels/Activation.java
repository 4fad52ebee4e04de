package dev.lowrank.kernels;

/** The functions a feed-forward applies to each element z on its own. */
public enum Activation {
    /** {@code z / (1 + e^-z)}, also called swish. */
    SILU,
    /** {@code z * Phi(z)} with Phi the normal distribution, {@code (1 + erf(z / sqrt(2))) / 2}. */
    GELU,
    /** {@code z / 2 * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 z^3)))}, the approximation of {@link #GELU} that GPT-2 and Gemma use. */
    GELU_TANH,
    /** {@code max(z, 0)}; its slope at zero is taken to be zero. */
    RELU,
    /** The hyperbolic tangent. */
    TANH
}
