package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.GradientCheckpointing;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** A setting of which a run's memory depends, in the order in which one would rather change it. */
enum Knob {
    CHECKPOINTING {
        @Override
        boolean turns(TrainingSpec spec, int longest) {
            return spec.training().gradientCheckpointing() == GradientCheckpointing.NONE;
        }

        @Override
        void turn(ObjectNode spec, int longest) {
            training(spec).put("gradient_checkpointing", GradientCheckpointing.LAYER.key());
        }

        @Override
        String setting(TrainingSpec spec) {
            return "\"training.gradient_checkpointing\": \"%s\""
                    .formatted(spec.training().gradientCheckpointing().key());
        }
    },
    MICRO_BATCH_SIZE {
        @Override
        boolean turns(TrainingSpec spec, int longest) {
            return spec.training().microBatchSize() > 1;
        }

        @Override
        void turn(ObjectNode spec, int longest) {
            ObjectNode training = training(spec);
            training.put(
                    "micro_batch_size",
                    Math.ceilDiv(training.get("micro_batch_size").intValue(), 2));
        }

        @Override
        String setting(TrainingSpec spec) {
            return "\"training.micro_batch_size\": " + spec.training().microBatchSize();
        }
    },
    QLORA {
        @Override
        boolean turns(TrainingSpec spec, int longest) {
            return spec.method() == Method.LORA
                    && !(spec.adapter() instanceof LoraSpec lora && lora.init().movesBase());
        }

        @Override
        void turn(ObjectNode spec, int longest) {
            spec.put("method", Method.QLORA.key()).remove("quantization");
        }

        @Override
        String setting(TrainingSpec spec) {
            return "\"method\": \"%s\"".formatted(spec.method().key());
        }
    },
    MAX_LENGTH {
        @Override
        boolean turns(TrainingSpec spec, int longest) {
            return Math.min(longest, spec.training().maxLength()) >= 2 * SHORTEST;
        }

        @Override
        void turn(ObjectNode spec, int longest) {
            ObjectNode training = training(spec);
            training.put(
                    "max_length", Math.min(longest, training.get("max_length").intValue()) / 2);
        }

        @Override
        String setting(TrainingSpec spec) {
            return "\"training.max_length\": " + spec.training().maxLength();
        }
    };

    /** Rows are not cut shorter than this. */
    private static final int SHORTEST = 64;

    /**
     * The same run with the knob turned one notch further; null where it is turned all the way.
     *
     * @param longest tokens of the longest row
     */
    final @Nullable TrainingSpec turned(TrainingSpec spec, int longest) {
        if (!turns(spec, longest)) {
            return null;
        }
        ObjectNode node = SpecJson.write(spec);
        turn(node, longest);
        return SpecJson.read(node).spec();
    }

    abstract boolean turns(TrainingSpec spec, int longest);

    abstract void turn(ObjectNode spec, int longest);

    /** As the spec says it. */
    abstract String setting(TrainingSpec spec);

    private static ObjectNode training(ObjectNode spec) {
        return (ObjectNode) spec.get("training");
    }
}
