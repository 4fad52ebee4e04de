package dev.lowrank.engine.compare;

import java.util.Locale;

/** How a kind looks in the picture: a colour and a shape, so that it can be told without colours too. */
enum MarkStyle {
    FULL("#111827", "#f3f4f6", "M-5,-5H5V5H-5Z"),
    LORA_ATTENTION("#0072b2", "#56b4e9", "M0,-6L6,5H-6Z"),
    LORA_ALL("#c2410c", "#fb923c", "M-5,0A5,5 0 1 1 5,0A5,5 0 1 1 -5,0Z"),
    QLORA("#007a5a", "#34d399", "M0,-8L8,0L0,8L-8,0Z"),
    BOTTLENECK("#9d3c82", "#e59bd0", "M0,6L6,-5H-6Z"),
    PREFIX("#8a6d00", "#f0c419", "M-2,-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z"),
    PROMPT("#b91c1c", "#f87171", "M0,-6L1.8,-1.9L6,-1.9L2.7,1L3.8,5.5L0,2.9L-3.8,5.5L-2.7,1L-6,-1.9L-1.8,-1.9Z"),
    IA3("#5b5bd6", "#a5a5ff", "M-3,-5.2H3L6,0L3,5.2H-3L-6,0Z");

    /** The style sheet of the picture. */
    static final String SHEET = sheet();

    private final String onLight;
    private final String onDark;
    private final String path;

    MarkStyle(String onLight, String onDark, String path) {
        this.onLight = onLight;
        this.onDark = onDark;
        this.path = path;
    }

    static MarkStyle of(Kind kind) {
        return valueOf(kind.name());
    }

    String mark(double x, double y) {
        return Figures.format("<path class=\"%s\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>\n", key(), x, y, path);
    }

    /** @param tip shown where a reader points at the mark */
    String mark(double x, double y, String tip) {
        return Figures.format(
                "<path class=\"%s\" transform=\"translate(%.1f %.1f)\" d=\"%s\"><title>%s</title></path>\n",
                key(), x, y, path, tip);
    }

    /** @param points of SVG; nothing is drawn through fewer than two */
    String line(String points) {
        return points.contains(" ") ? "<polyline class=\"line %s\" points=\"%s\"/>\n".formatted(key(), points) : "";
    }

    private String key() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static String sheet() {
        StringBuilder light = new StringBuilder();
        StringBuilder dark = new StringBuilder();
        for (MarkStyle style : values()) {
            light.append(".%s{fill:%s;stroke:%s}\n".formatted(style.key(), style.onLight, style.onLight));
            dark.append(".%s{fill:%s;stroke:%s}\n".formatted(style.key(), style.onDark, style.onDark));
        }
        return """
                <style>
                text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
                .title{font-size:14px;font-weight:600}
                .tick{font-size:11px;fill:#59636e}
                .label{font-size:11px}
                .paper{fill:#ffffff}
                .grid{stroke:#d1d9e0;stroke-width:1}
                path{stroke-width:0}
                %s
                path.qlora{fill:none;stroke-width:2}
                polyline.line{fill:none;stroke-width:1.3;opacity:.55}
                @media (prefers-color-scheme:dark){
                text{fill:#e6edf3}
                .tick{fill:#9198a1}
                .paper{fill:#0d1117}
                .grid{stroke:#30363d}
                %s
                }
                </style>
                """.formatted(light.toString().strip(), dark.toString().strip());
    }
}
