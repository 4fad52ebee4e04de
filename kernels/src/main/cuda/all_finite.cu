#include "device.cuh"

// *bad = 1 if an element of x [n] is NaN or infinite; else it stays. All who write, write the same.
extern "C" __global__ void allFinite(Reals x, int64 n, int* bad) {
    for (int64 i = gridThread(); i < n; i += gridThreads()) {
        if (!(fabsf(x.get(i)) <= 3.402823466e38f)) {
            *bad = 1;
        }
    }
}
LAUNCHABLE(allFinite)
