package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** Normalisations of rows, forwards and back. */
final class Norms {
    private final Device device;

    Norms(Device device) {
        this.device = device;
    }

    void rms(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor rstd) {
        device.launch("rmsNorm")
                .with(x)
                .at(weight)
                .with(offset)
                .with(epsilon)
                .with(y)
                .at(rstd)
                .with(x.rows())
                .with(x.columns())
                .overRows(x.rows(), x.columns());
    }

    void rmsBackward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            float offset,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight) {
        if (dx != null) {
            device.launch("rmsNormBackward")
                    .with(dy)
                    .with(x)
                    .at(weight)
                    .with(offset)
                    .at(rstd)
                    .with(dx)
                    .with(x.rows())
                    .with(x.columns())
                    .overRows(x.rows(), x.columns());
        }
        if (dWeight != null) {
            device.launch("rmsNormWeight")
                    .with(dy)
                    .with(x)
                    .at(rstd)
                    .with(x.rows())
                    .with(x.columns())
                    .at(dWeight)
                    .overColumns(x.columns());
        }
    }

    void layer(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor mean, Tensor rstd) {
        device.launch("layerNorm")
                .with(x)
                .at(weight)
                .at(bias)
                .with(epsilon)
                .with(y)
                .at(mean)
                .at(rstd)
                .with(x.rows())
                .with(x.columns())
                .overRows(x.rows(), x.columns());
    }

    void layerBackward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            Tensor mean,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight,
            @Nullable Tensor dBias) {
        if (dx != null) {
            device.launch("layerNormBackward")
                    .with(dy)
                    .with(x)
                    .at(weight)
                    .at(mean)
                    .at(rstd)
                    .with(dx)
                    .with(x.rows())
                    .with(x.columns())
                    .overRows(x.rows(), x.columns());
        }
        if (dWeight != null || dBias != null) {
            device.launch("layerNormWeight")
                    .with(dy)
                    .with(x)
                    .at(mean)
                    .at(rstd)
                    .with(x.rows())
                    .with(x.columns())
                    .at(dWeight)
                    .at(dBias)
                    .overColumns(x.columns());
        }
    }
}
