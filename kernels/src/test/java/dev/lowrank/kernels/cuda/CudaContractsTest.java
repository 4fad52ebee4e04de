package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.ActivationContract;
import dev.lowrank.kernels.AdamW8Contract;
import dev.lowrank.kernels.AttentionContract;
import dev.lowrank.kernels.Bf16Contract;
import dev.lowrank.kernels.ColumnsContract;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.HalfMatmulContract;
import dev.lowrank.kernels.HeadContract;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.KernelsContract;
import dev.lowrank.kernels.Nf4Contract;
import dev.lowrank.kernels.NoiseContract;
import dev.lowrank.kernels.NormContract;
import dev.lowrank.kernels.codes.DynamicMap;
import org.junit.jupiter.api.Nested;

/** Every contract of the kernels, on the emulated device, with activations in F32 and in BF16. */
class CudaContractsTest {
    @Nested
    class Whole extends KernelsContract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class WholeInBf16 extends Whole {
        @Override
        protected DType activations() {
            return DType.BF16;
        }
    }

    @Nested
    class Activations extends ActivationContract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class ActivationsInBf16 extends Activations {
        @Override
        protected DType activations() {
            return DType.BF16;
        }
    }

    @Nested
    class Columns extends ColumnsContract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class ColumnsInBf16 extends Columns {
        @Override
        protected DType activations() {
            return DType.BF16;
        }
    }

    @Nested
    class Norms extends NormContract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class NormsInBf16 extends Norms {
        @Override
        protected DType activations() {
            return DType.BF16;
        }
    }

    @Nested
    class Noise extends NoiseContract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class NoiseInBf16 extends Noise {
        @Override
        protected DType activations() {
            return DType.BF16;
        }
    }

    @Nested
    class Nf4 extends Nf4Contract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class Bf16 extends Bf16Contract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class HalfMatmul extends HalfMatmulContract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class Head extends HeadContract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }

    @Nested
    class AdamW8 extends AdamW8Contract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }

        @Override
        protected float[] signedMap() {
            return DynamicMap.SIGNED.values();
        }

        @Override
        protected float[] unsignedMap() {
            return DynamicMap.UNSIGNED.values();
        }
    }

    @Nested
    class Attentions extends AttentionContract {
        @Override
        protected Kernels open() {
            return EmulatedKernels.open();
        }
    }
}
