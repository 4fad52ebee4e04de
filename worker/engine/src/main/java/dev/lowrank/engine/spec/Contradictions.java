package dev.lowrank.engine.spec;

import org.jspecify.annotations.Nullable;

/** What one section of a spec may not say because of another. */
final class Contradictions {
    // The data module names the format of preference pairs; until a spec can say it, none equals this.
    private static final String PREFERENCE = "preference";

    private Contradictions() {}

    static void refuseFormat(Method method, DataFormat format) {
        boolean pairs = format.key().equals(PREFERENCE);
        if (method == Method.DPO) {
            SpecException.unless(
                    pairs || format == DataFormat.AUTO || format == DataFormat.TOKENIZED,
                    "format",
                    "is \"%s\", but method \"dpo\" learns from pairs of a chosen and a rejected answer; give such rows, or say method \"lora\".",
                    format.key());
        } else {
            SpecException.unless(
                    !pairs,
                    "format",
                    "is \"%s\", but method \"%s\" does not learn from pairs; say method \"dpo\".",
                    format.key(),
                    method.key());
        }
    }

    static void refuseQuantization(Method method, Quantization quantization) {
        String field = "quantization.type";
        if (method == Method.QLORA) {
            SpecException.unless(
                    quantization.quantizes(),
                    field,
                    "is \"none\", but method \"qlora\" means a 4-bit base; say method \"lora\" for a base that is not quantized.");
        } else if (quantization.quantizes()) {
            SpecException.unless(
                    method != Method.LORA,
                    field,
                    "is \"nf4\", but method \"lora\" means a base that is not quantized; say method \"qlora\" for a 4-bit one.");
            SpecException.unless(
                    method != Method.FULL,
                    field,
                    "is \"nf4\", but method \"full\" moves every weight, and 4-bit weights cannot move; say method \"qlora\" for an adapter on a 4-bit base.");
        }
    }

    static void refuseAdapter(Method method, Quantization quantization, @Nullable AdapterSpec adapter) {
        if (adapter == null) {
            SpecException.unless(
                    method == Method.FULL, "adapter", "is missing; method \"%s\" trains one.", method.key());
            return;
        }
        if (adapter instanceof InitialAdapter) {
            SpecException.unless(
                    method != Method.FULL,
                    "initial_adapter",
                    "cannot be combined with method \"full\": full fine-tuning has no adapter.");
            SpecException.unless(
                    method.hasPeftFormat(),
                    "initial_adapter",
                    "cannot be combined with method \"%s\": PEFT has no format for its adapters to start from.",
                    method.key());
        }
        SpecException.unless(
                adapter.fits(method), "adapter", "is not of the kind that method \"%s\" trains.", method.key());
        if (adapter instanceof LoraSpec lora) {
            refuseLora(method, quantization, lora);
        }
    }

    private static void refuseLora(Method method, Quantization quantization, LoraSpec lora) {
        SpecException.unless(
                !lora.init().movesBase() || !quantization.quantizes(),
                "adapter.init",
                "is \"%s\", which changes the base and needs it in full precision; say \"kaiming\" on a 4-bit base.",
                lora.init().key());
        if (method == Method.DPO) {
            SpecException.unless(
                    !lora.init().movesBase(),
                    "adapter.init",
                    "is \"%s\", which changes the base, but method \"dpo\" compares with the base as it was; say \"kaiming\".",
                    lora.init().key());
            SpecException.unless(
                    lora.bias() == BiasMode.NONE,
                    "adapter.bias",
                    "is \"%s\", which changes the base, but method \"dpo\" compares with the base as it was; say \"none\".",
                    lora.bias().key());
        }
    }

    static void refuseTraining(Method method, TrainingSettings training) {
        SpecException.unless(
                (training.beta() != null) == (method == Method.DPO),
                "training.beta",
                method == Method.DPO ? "is missing; method \"%s\" needs it." : "has no meaning for method \"%s\".",
                method.key());
        if (training.packing()) {
            SpecException.unless(
                    method != Method.DPO,
                    "training.packing",
                    "cannot be combined with method \"dpo\": each answer is judged as a row of its own.");
            SpecException.unless(
                    method != Method.PREFIX_TUNING && method != Method.PROMPT_TUNING,
                    "training.packing",
                    "cannot be combined with method \"%s\": the virtual tokens stand before each row, and a packed sequence holds several.",
                    method.key());
        }
        if (method == Method.DPO) {
            SpecException.unless(
                    training.neftuneAlpha() == 0,
                    "training.neftune_alpha",
                    "cannot be combined with method \"dpo\": its noise would be taken for a difference between the model and its reference.");
            SpecException.unless(
                    training.trainOn() == TrainOn.ASSISTANT,
                    "training.train_on",
                    "is \"%s\", but method \"dpo\" compares the answers of a pair; their common prompt cancels out, so say \"assistant\".",
                    training.trainOn().key());
        }
    }
}
