package dev.lowrank.engine.family;

/**
 * What one block does differently from others.
 *
 * @param window how many keys a query sees, itself included; 0 for all before it
 * @param rotary index into {@link Architecture#rotary}; {@link #NO_ROTATION} where positions are not rotated
 * @param attentionScale what q k^T is multiplied by here
 */
public record LayerPlan(int window, int rotary, float attentionScale) {
    public static final int NO_ROTATION = -1;
}
