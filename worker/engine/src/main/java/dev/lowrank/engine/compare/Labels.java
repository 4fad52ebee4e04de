package dev.lowrank.engine.compare;

import java.util.ArrayList;
import java.util.List;

/** Puts a label beside each mark where no other label or mark is in the way, if there is such a place. */
final class Labels {
    private static final double CHARACTER = 6.1;
    private static final double LINE = 12;
    private static final double MARK = 6;

    private record Box(double left, double top, double right, double bottom) {
        boolean meets(Box other) {
            return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
        }
    }

    private final double left;
    private final double right;
    private final List<Box> taken = new ArrayList<>();

    /** Labels stay between two edges. */
    Labels(double left, double right) {
        this.left = left;
        this.right = right;
    }

    /** A mark stands here. */
    void occupy(double x, double y) {
        taken.add(new Box(x - MARK, y - MARK, x + MARK, y + MARK));
    }

    /** The label of the mark at a place, as SVG; nothing if it is empty. */
    String place(double x, double y, String text) {
        if (text.isEmpty()) {
            return "";
        }
        double width = text.length() * CHARACTER;
        double reach = MARK + 1.5;
        List<Box> places = List.of(
                box(x - width / 2, y - reach - LINE, width),
                box(x + reach, y - LINE / 2, width),
                box(x - width / 2, y + reach, width),
                box(x - reach - width, y - LINE / 2, width),
                box(x + reach - 2, y - reach - LINE + 3, width),
                box(x - reach - width + 2, y - reach - LINE + 3, width),
                box(x + reach - 2, y + reach - 3, width),
                box(x - reach - width + 2, y + reach - 3, width));
        Box best = places.getFirst();
        long fewest = Long.MAX_VALUE;
        for (Box place : places) {
            long met = taken.stream().filter(place::meets).count()
                    + (place.left() < left || place.right() > right ? 100 : 0);
            if (met < fewest) {
                fewest = met;
                best = place;
            }
        }
        taken.add(best);
        return Figures.format(
                "<text class=\"label\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", best.left(), best.bottom() - 2.5, text);
    }

    private static Box box(double left, double top, double width) {
        return new Box(left, top, left + width, top + LINE);
    }
}
