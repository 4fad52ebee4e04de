package dev.lowrank.engine.analyze;

import java.util.List;
import java.util.Locale;

/** A picture in SVG: rectangles, lines and text on white, coordinates to a tenth. */
final class Svg {
    /** Where a text is held. */
    enum Anchor {
        START,
        MIDDLE,
        END
    }

    static final String INK = "#1f2933";
    static final String FAINT = "#6b7785";

    private final StringBuilder body = new StringBuilder();
    private final int width;

    Svg(int width) {
        this.width = width;
    }

    void rectangle(double x, double y, double w, double h, String fill) {
        body.append(String.format(
                Locale.ROOT,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
                x,
                y,
                w,
                h,
                fill));
    }

    void line(double x1, double y1, double x2, double y2, String stroke, double thickness) {
        body.append(String.format(
                Locale.ROOT,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%.1f\"/>\n",
                x1,
                y1,
                x2,
                y2,
                stroke,
                thickness));
    }

    /** Points as x and y in turn. */
    void path(List<double[]> points, String stroke) {
        StringBuilder list = new StringBuilder();
        points.forEach(p -> list.append(String.format(Locale.ROOT, "%.1f,%.1f ", p[0], p[1])));
        body.append(
                "<polyline fill=\"none\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke=\"%s\" points=\"%s\"/>\n"
                        .formatted(stroke, list.toString().strip()));
    }

    void dot(double x, double y, String fill) {
        body.append(
                String.format(Locale.ROOT, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\" fill=\"%s\"/>\n", x, y, fill));
    }

    void text(double x, double y, double size, String fill, Anchor anchor, String text) {
        text(x, y, size, fill, anchor, "normal", text);
    }

    void heading(double x, double y, double size, String text) {
        text(x, y, size, INK, Anchor.START, "600", text);
    }

    private void text(double x, double y, double size, String fill, Anchor anchor, String weight, String text) {
        body.append(String.format(
                Locale.ROOT,
                "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\" fill=\"%s\" text-anchor=\"%s\" font-weight=\"%s\">%s</text>\n",
                x,
                y,
                size,
                fill,
                anchor.name().toLowerCase(Locale.ROOT),
                weight,
                escaped(text)));
    }

    static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        text.codePoints()
                .forEach(c -> out.append(
                        switch (c) {
                            case '&' -> "&amp;";
                            case '<' -> "&lt;";
                            case '>' -> "&gt;";
                            case '"' -> "&quot;";
                            default ->
                                c < 32 || Character.isSurrogate((char) c) && c < 0x10000 ? "?" : Character.toString(c);
                        }));
        return out.toString();
    }

    /** The whole file, of a height. */
    String finish(double height, String title) {
        return """
                <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif">
                <title>%s</title>
                <rect width="100%%" height="100%%" fill="#ffffff"/>
                %s</svg>
                """.formatted(width, (int) Math.ceil(height), width, (int) Math.ceil(height), escaped(title), body);
    }
}
