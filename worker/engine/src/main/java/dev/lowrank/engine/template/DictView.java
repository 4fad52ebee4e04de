package dev.lowrank.engine.template;

import java.util.List;

/**
 * What {@code items()}, {@code keys()} and {@code values()} give: counted and walked over, but without positions.
 *
 * @param kind the name Python prints
 */
record DictView(String kind, List<Object> entries) {}
