#include "device.cuh"

// out[n] = table[ids[n]]; ids [rows], table [V, columns], out [rows, columns].
extern "C" __global__ void embedding(const int* ids, Reals table, Reals out, int rows, int columns) {
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        Reals entry = table.from(static_cast<int64>(ids[n]) * columns);
        Reals row = out.from(static_cast<int64>(n) * columns);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            row.set(c, entry.get(c));
        }
    }
}
LAUNCHABLE(embedding)

// dTable[ids[n]] += dOut[n], rows added in order of n. A thread for each column, so that no two meet in one place.
//
// out[n] = table[ids[n]] is linear in the table: row i has the gradients of all n with ids[n] = i.
extern "C" __global__ void embeddingBackward(const int* ids, Reals dOut, float* dTable, int rows, int columns) {
    int c = static_cast<int>(gridThread());
    if (c < columns) {
        for (int n = 0; n < rows; n++) {
            dTable[static_cast<int64>(ids[n]) * columns + c] += dOut.get(static_cast<int64>(n) * columns + c);
        }
    }
}
LAUNCHABLE(embeddingBackward)
