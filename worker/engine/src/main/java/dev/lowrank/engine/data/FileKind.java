package dev.lowrank.engine.data;

/** How a dataset's rows lie in its file. */
public enum FileKind {
    /** One JSON object a line. */
    JSON_LINES("JSON Lines", "line"),
    /** One JSON array of objects. */
    JSON_ARRAY("JSON array", "line"),
    /** Comma-separated values, the first row naming the columns. */
    CSV("CSV", "line"),
    /** Apache Parquet; it has no lines, so places are row numbers. */
    PARQUET("Parquet", "row");

    private final String title;
    private final String unit;

    FileKind(String title, String unit) {
        this.title = title;
        this.unit = unit;
    }

    /** The name people know it by. */
    public String title() {
        return title;
    }

    /** What a place in such a file counts: "line" or "row". */
    public String unit() {
        return unit;
    }
}
