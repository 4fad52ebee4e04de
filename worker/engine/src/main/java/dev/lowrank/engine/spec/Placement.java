package dev.lowrank.engine.spec;

/** Where in each layer a bottleneck adapter stands, before the residual is added. */
public enum Placement implements Named {
    /** After attention and after the feed-forward block: two in each layer. */
    HOULSBY("houlsby"),
    /** After the feed-forward block only. */
    PFEIFFER("pfeiffer");

    private final String key;

    Placement(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
