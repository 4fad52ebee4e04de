package dev.lowrank.engine.tape;

/**
 * IA3: a learned factor for each input or each output of a linear layer.
 *
 * @param factor [in] or [out]
 * @param input it scales what goes into the layer, as in feed-forwards; else what comes out, bias included
 */
public record Rescaling(Parameter factor, boolean input) implements LinearAdapter {}
