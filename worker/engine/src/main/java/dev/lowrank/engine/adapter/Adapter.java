package dev.lowrank.engine.adapter;

import dev.lowrank.engine.tape.Parameter;
import java.nio.file.Path;
import java.util.List;

/** What is trained in or beside a frozen base: put on and taken off again, the base being as it was. */
public interface Adapter {
    /** Puts it on its model. */
    void attach();

    /** Takes it off, so that the model is the base again. */
    void detach();

    /** What the optimizer moves, in a fixed order. */
    List<Parameter> parameters();

    /** Writes a folder in PEFT's format, or in our own where PEFT has none. */
    void write(Path folder);
}
