#include "device.cuh"

// Kernels that use memory that is not theirs. Each is for one block of 32 threads.

// out[i] = in[i + ahead]
extern "C" __global__ void readAhead(const float* in, int ahead, float* out) {
    int i = threadIdx.x;
    out[i] = in[i + ahead];
}
LAUNCHABLE(readAhead)

extern "C" __global__ void writeAhead(int ahead, float* out) {
    int i = threadIdx.x;
    out[i + ahead] = 1;
}
LAUNCHABLE(writeAhead)

extern "C" __global__ void writeBf16Ahead(Reals out, int ahead) { out.set(threadIdx.x + ahead, 1); }
LAUNCHABLE(writeBf16Ahead)

// The i-th of two arrays that lie beside each other; one is too many.
extern "C" __global__ void sharedAhead(int ahead, float* out) {
    __shared__ float values[WARP];
    __shared__ float others[WARP];
    float* into = values;
    into[threadIdx.x + ahead] = 1;
    others[threadIdx.x] = 2;
    __syncthreads();
    out[threadIdx.x] = values[threadIdx.x] + others[threadIdx.x];
}
LAUNCHABLE(sharedAhead)

extern "C" __global__ void sharedRowAhead(int ahead, float* out) {
    __shared__ float rows[2][WARP];
    rows[0][threadIdx.x + ahead] = 1;
    rows[1][threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = rows[1][threadIdx.x];
}
LAUNCHABLE(sharedRowAhead)

extern "C" __global__ void dynamicAhead(int ahead, float* out) {
    DYNAMIC_SHARED(bytes);
    float* values = reinterpret_cast<float*>(bytes);
    values[threadIdx.x + ahead] = 1;
    __syncthreads();
    out[threadIdx.x] = values[threadIdx.x + ahead];
}
LAUNCHABLE(dynamicAhead)

extern "C" __global__ void ownAhead(int ahead, float* out) {
    float own[4] = {0, 1, 2, 3};
    float* any = own;
    any[ahead] = 5;
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += any[i];
    }
    out[threadIdx.x] = sum;
}
LAUNCHABLE(ownAhead)

// Four floats at once, from element `from` on.
extern "C" __global__ void fourFrom(const float* in, int from, float* out) {
    float4 four = *reinterpret_cast<const float4*>(in + from);
    out[threadIdx.x] = four.x + four.y + four.z + four.w;
}
LAUNCHABLE(fourFrom)

extern "C" __global__ void addToShared(const float* in, float* out) {
    __shared__ float sums[WARP];
    sums[threadIdx.x] += in[threadIdx.x];
    out[threadIdx.x] = sums[threadIdx.x];
}
LAUNCHABLE(addToShared)

// Rows of a tile for loadMatrices, `spare` bytes short of a multiple of 16.
extern "C" __global__ void loadUnaligned(int spare, unsigned* out) {
    __shared__ __align__(16) unsigned short tile[34 * 8];
    for (int i = threadIdx.x; i < 34 * 8; i += WARP) {
        tile[i] = 0;
    }
    __syncthreads();
    unsigned r[4];
    loadMatrices(r, reinterpret_cast<char*>(tile + 8 * threadIdx.x) + spare);
    out[threadIdx.x] = r[0];
}
LAUNCHABLE(loadUnaligned)

extern "C" __global__ void copyAhead(const float* in, int ahead, float* out) {
    __shared__ __align__(16) float values[4 * WARP];
    copyAsync(values + 4 * threadIdx.x, in + 4 * (threadIdx.x + ahead), 16);
    endCopies();
    awaitCopies<0>();
    __syncthreads();
    out[threadIdx.x] = values[threadIdx.x];
}
LAUNCHABLE(copyAhead)
