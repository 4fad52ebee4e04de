#include "device.cuh"

// sum[c] += sum over n of dy[n, c], rows added in order of n; dy [rows, columns]. A thread for each column.
//
// y[n] = x[n] + bias has the bias in every row, so dBias is the sum of dy over the rows.
extern "C" __global__ void columnSums(Reals dy, int rows, int columns, float* sum) {
    int c = static_cast<int>(gridThread());
    if (c < columns) {
        float total = sum[c];
        for (int n = 0; n < rows; n++) {
            total += dy.get(static_cast<int64>(n) * columns + c);
        }
        sum[c] = total;
    }
}
LAUNCHABLE(columnSums)
