#include "device.cuh"

// The loss of each row of logits y [count, vocabulary], and the gradient of y.
//
// With z = y, or cap tanh(y / cap) where cap > 0, and t the row's label, loss = log(sum_j e^z_j) - z_t, so dz_j = softmax(z)_j - 1[j = t],
// and dy = dz (1 - (z / cap)^2), or dz without a cap. gradient = scale rowScale dy.
//
// A block goes over a row three times: for its largest logit, for the sum of exponentials, and for the gradient, if that is wanted.
//
//   rows [count]        which rows of the batch these are
//   labels [count]
//   rowScale            by row of the batch, or null for 1
//   losses              F32, by row of the batch, or null
//   sums [count]        each row's loss in double
//   right [count]       1 where the largest logit before the cap, the first of several, is the label's
//   gradient            [count, vocabulary], or null; may be the logits
extern "C" __global__ void crossEntropy(
    const float* logits, int count, int vocabulary, const int* rows, const int* labels, float cap, float scale, const float* rowScale,
    float* losses, double* sums, int* right, Reals gradient) {
    __shared__ float largestOf[WARP];
    __shared__ int placeOf[WARP];
    __shared__ double sumOf[WARP];
    int warps = blockDim.x / WARP;
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        const float* y = logits + static_cast<int64>(i) * vocabulary;
        float largest = -INFINITY;
        int place = vocabulary;
        for (int j = threadIdx.x; j < vocabulary; j += blockDim.x) {
            if (y[j] > largest) {
                largest = y[j];
                place = j;
            }
        }
        warpLargest(largest, place);
        __syncthreads();
        if (threadIdx.x % WARP == 0) {
            largestOf[threadIdx.x / WARP] = largest;
            placeOf[threadIdx.x / WARP] = place;
        }
        __syncthreads();
        largest = largestOf[0];
        place = placeOf[0];
        for (int w = 1; w < warps; w++) {
            if (largestOf[w] > largest || (largestOf[w] == largest && placeOf[w] < place)) {
                largest = largestOf[w];
                place = placeOf[w];
            }
        }
        float top = cap > 0 ? cap * tanhf(largest / cap) : largest;
        double sum = 0;
        for (int j = threadIdx.x; j < vocabulary; j += blockDim.x) {
            float z = cap > 0 ? cap * tanhf(y[j] / cap) : y[j];
            sum += expf(z - top);
        }
        sum = blockSum(sum, sumOf);
        int label = labels[i];
        if (threadIdx.x == 0) {
            float z = cap > 0 ? cap * tanhf(y[label] / cap) : y[label];
            double loss = log(sum) + (static_cast<double>(top) - z);
            sums[i] = loss;
            right[i] = place == label;
            if (losses != nullptr) {
                losses[rows[i]] = static_cast<float>(loss);
            }
        }
        if (gradient.data != nullptr) {
            __syncthreads();  // The gradient may take the place of the logits, of which the first thread has just read one.
            Reals g = gradient.from(static_cast<int64>(i) * vocabulary);
            float whole = rowScale == nullptr ? scale : scale * rowScale[rows[i]];
            float inverse = static_cast<float>(1 / sum);
            for (int j = threadIdx.x; j < vocabulary; j += blockDim.x) {
                float z = cap > 0 ? cap * tanhf(y[j] / cap) : y[j];
                float steep = cap > 0 ? 1 - z / cap * (z / cap) : 1;
                g.set(j, whole * ((expf(z - top) * inverse - (j == label ? 1 : 0)) * steep));
            }
        }
    }
}
LAUNCHABLE(crossEntropy)

// total[0] += the sum of sums [count], total[1] += the sum of right [count], in one block and always in the same order.
extern "C" __global__ void addLosses(const double* sums, const int* right, int count, double* total) {
    __shared__ double warps[WARP];
    double sum = 0, hits = 0;
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        sum += sums[i];
        hits += right[i];
    }
    sum = blockSum(sum, warps);
    hits = blockSum(hits, warps);
    if (threadIdx.x == 0) {
        total[0] += sum;
        total[1] += hits;
    }
}
LAUNCHABLE(addLosses)
