package dev.lowrank.engine.model;

import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.Activation;

/**
 * A Houlsby adapter behind a part of a block: {@code y + up(act(down(y)))}.
 *
 * @param downWeight [m, C]; {@code downBias} [m]
 * @param upWeight [C, m]; {@code upBias} [C]
 */
public record Bottleneck(
        Parameter downWeight, Parameter downBias, Parameter upWeight, Parameter upBias, Activation activation) {
    Value forward(Tape tape, Value y) {
        Value narrow = tape.bias(tape.linear(y, downWeight, false, null), downBias);
        Value bent = tape.activation(activation, narrow);
        return tape.sum(y, tape.bias(tape.linear(bent, upWeight, false, null), upBias));
    }
}
