// The activations, numbered as Java's Activation is, and their slopes.
#pragma once
#include "device.cuh"

const int SILU = 0, GELU = 1, GELU_TANH = 2, RELU = 3;  // and TANH, 4

const float ROOT_OF_2_BY_PI = 0.7978845608028654f;
const float CUBIC = 0.044715f;

// 1 / (1 + e^-x), good to its last bits at both ends.
INLINE float sigmoid(float x) { return 1 / (1 + expf(-x)); }

// The normal distribution. erfc keeps what is small on the left.
INLINE float normal(float x) { return 0.5f * erfcf(-0.7071067811865476f * x); }

// The argument of GELU_TANH's tanh.
INLINE float bent(float x) { return ROOT_OF_2_BY_PI * (x + CUBIC * x * x * x); }

// f(x). (1 + tanh(u)) / 2 is sigmoid(2 u), without the difference of near numbers on the left.
INLINE float activated(int kind, float x) {
    switch (kind) {
        case SILU: return x * sigmoid(x);
        case GELU: return x * normal(x);
        case GELU_TANH: return x * sigmoid(2 * bent(x));
        case RELU: return x <= 0 ? 0 : x;  // NaN stays NaN
        default: return tanhf(x);
    }
}

// f'(x).
//   SILU:      s + x s (1 - s), s = sigmoid(x)
//   GELU:      Phi(x) + x phi(x)
//   GELU_TANH: p + x p (1 - p) 2 u', p = sigmoid(2 u), u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2)
//   TANH:      1 - tanh(x)^2
// Where x is so far out that a product of zero and infinity would come about, the slope is that of the line the curve has become.
INLINE float slope(int kind, float x) {
    switch (kind) {
        case SILU: {
            float s = sigmoid(x), rest = sigmoid(-x);
            return s + x * s * rest;
        }
        case GELU: return normal(x) + x * (0.3989422804014327f * expf(-0.5f * x * x));
        case GELU_TANH: {
            float u = bent(x);
            float p = sigmoid(2 * u), rest = sigmoid(-2 * u);
            float steep = 2 * ROOT_OF_2_BY_PI * (1 + 3 * CUBIC * x * x);
            return p + (p * rest == 0 ? 0 : x * p * rest * steep);
        }
        case RELU: return x <= 0 ? 0 : x == x ? 1 : x;
        default: {
            float t = tanhf(x);
            return 1 - t * t;
        }
    }
}
