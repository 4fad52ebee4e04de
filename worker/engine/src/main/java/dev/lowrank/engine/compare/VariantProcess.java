package dev.lowrank.engine.compare;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;

/** The half of a comparison that a child process does. */
public enum VariantProcess {
    TRAIN,
    JUDGE;

    /**
     * Does its part for the variant whose task is in a folder, and leaves the result there.
     *
     * @param parent told how far it is
     */
    public void run(Path folder, PrintStream parent) throws IOException {
        switch (this) {
            case TRAIN -> VariantTraining.run(folder, parent);
            case JUDGE -> VariantJudging.run(folder, parent);
        }
    }
}
