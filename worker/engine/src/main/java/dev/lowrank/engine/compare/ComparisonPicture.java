package dev.lowrank.engine.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Results as an SVG: test loss, and beside it BLEU where there is any, against the trained parameters on a logarithmic
 * axis. A mark for each variant, a line through the ranks of one kind; light and dark by the reader's preference. The base
 * alone trains nothing and has no place on the axis.
 */
final class ComparisonPicture {
    private static final int PANEL = 470;
    private static final int HEIGHT = 430;
    private static final int LEGEND_ROW = 20;
    private static final int LEGEND_COLUMN = 230;

    private record Drawn(
            Kind kind,
            Variant variant,
            long parameters,
            double loss,
            @Nullable Double bleu) {}

    private final List<Drawn> drawn;

    ComparisonPicture(List<Result> results) {
        this.drawn = results.stream()
                .map(ComparisonPicture::drawn)
                .filter(Objects::nonNull)
                .toList();
    }

    private static @Nullable Drawn drawn(Result result) {
        Kind kind = result.variant().kind();
        Trained trained = result.trained();
        Judged judged = result.judged();
        if (kind == null || trained == null || judged == null) {
            return null;
        }
        Double bleu = judged.bleu() == null ? null : (Double) judged.bleu().score();
        return new Drawn(kind, result.variant(), trained.trainableParameters(), judged.loss(), bleu);
    }

    String svg() {
        boolean bleu = drawn.stream().anyMatch(one -> one.bleu() != null);
        List<Kind> kinds = drawn.stream().map(Drawn::kind).distinct().toList();
        int width = bleu ? 2 * PANEL : PANEL;
        int columns = width / LEGEND_COLUMN;
        int height = HEIGHT + LEGEND_ROW * Math.ceilDiv(kinds.size(), columns) + 12;
        StringBuilder svg = new StringBuilder();
        svg.append(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n"
                        .formatted(width, height, width, height));
        svg.append("<title>Fine-tuning methods by what they train and how good they are</title>\n");
        svg.append(MarkStyle.SHEET);
        svg.append("<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n".formatted(width, height));
        if (!drawn.isEmpty()) {
            svg.append(panel(0, "Test loss (nats a token; lower is better)", Drawn::loss));
            if (bleu) {
                svg.append(panel(PANEL, "BLEU (higher is better)", one -> Objects.requireNonNullElse(one.bleu(), 0.0)));
            }
        }
        for (int i = 0; i < kinds.size(); i++) {
            int x = 24 + i % columns * LEGEND_COLUMN;
            int y = HEIGHT + 10 + i / columns * LEGEND_ROW;
            svg.append(MarkStyle.of(kinds.get(i)).mark(x, y));
            svg.append("<text x=\"%d\" y=\"%d\">%s</text>\n".formatted(x + 12, y + 4, legend(kinds.get(i))));
        }
        return svg.append("</svg>\n").toString();
    }

    private static String legend(Kind kind) {
        return kind.unit().isEmpty() ? kind.title() : "%s (%s)".formatted(kind.title(), kind.unit());
    }

    private String panel(int left, String title, ToDoubleFunction<Drawn> value) {
        Axis across =
                Axis.logarithmic(drawn.stream().mapToDouble(Drawn::parameters).toArray(), left + 58, left + PANEL - 26);
        Axis up = Axis.linear(drawn.stream().mapToDouble(value).toArray(), HEIGHT - 52, 44);
        Labels labels = new Labels(left + 60, left + PANEL - 4);
        List<String> lines = new ArrayList<>();
        List<String> marks = new ArrayList<>();
        for (Drawn one : drawn) {
            labels.occupy(across.at(one.parameters()), up.at(value.applyAsDouble(one)));
        }
        for (Kind kind : Kind.values()) {
            List<Drawn> same = drawn.stream().filter(one -> one.kind() == kind).toList();
            StringBuilder line = new StringBuilder();
            for (Drawn one : same) {
                double x = across.at(one.parameters());
                double y = up.at(value.applyAsDouble(one));
                line.append(Figures.format("%.1f,%.1f ", x, y));
                marks.add(MarkStyle.of(kind).mark(x, y, tip(one)));
                marks.add(labels.place(x, y, one.variant().size()));
            }
            lines.add(MarkStyle.of(kind).line(line.toString().strip()));
        }
        return "<text class=\"title\" x=\"%d\" y=\"24\">%s</text>\n".formatted(left + 18, title)
                + across.drawnBelow(HEIGHT - 52, 44, "trained parameters")
                + up.drawnBeside(left + 58, left + PANEL - 26)
                + String.join("", lines)
                + String.join("", marks);
    }

    private static String tip(Drawn one) {
        return "%s: %s parameters, loss %s%s"
                .formatted(
                        one.variant().label(),
                        Figures.count(one.parameters()),
                        Figures.format("%.3f", one.loss()),
                        one.bleu() == null ? "" : Figures.format(", BLEU %.1f", one.bleu()));
    }
}
