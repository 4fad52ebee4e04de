package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** What is done to the columns of a matrix, each in its own way. */
final class Columns {
    private final Device device;

    Columns(Device device) {
        this.device = device;
    }

    void addBias(Tensor x, Tensor bias) {
        device.launch("addBias")
                .with(x)
                .at(bias)
                .with(x.rows())
                .with(x.columns())
                .overRows(x.rows(), x.columns());
    }

    void sums(Tensor dy, Tensor dBias) {
        device.launch("columnSums")
                .with(dy)
                .with(dy.rows())
                .with(dy.columns())
                .at(dBias)
                .overColumns(dy.columns());
    }

    void copy(Tensor source, int sourceColumn, Tensor target, int targetColumn, int columns) {
        device.launch("copyColumns")
                .with(source)
                .with(source.columns())
                .with(sourceColumn)
                .with(target)
                .with(target.columns())
                .with(targetColumn)
                .with(columns)
                .with(source.rows())
                .overRows(source.rows(), columns);
    }

    void scale(Tensor x, Tensor factor, boolean accumulate, Tensor out) {
        device.launch("scaleColumns")
                .with(x)
                .at(factor)
                .with(accumulate)
                .with(out)
                .with(x.rows())
                .with(x.columns())
                .overRows(x.rows(), x.columns());
    }

    void scaleBackward(Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dX, @Nullable Tensor dFactor) {
        if (dX != null) {
            scale(dy, factor, true, dX);
        }
        if (dFactor != null) {
            device.launch("scaleColumnsFactor")
                    .with(dy)
                    .with(x)
                    .with(x.rows())
                    .with(x.columns())
                    .at(dFactor)
                    .overColumns(x.columns());
        }
    }
}
