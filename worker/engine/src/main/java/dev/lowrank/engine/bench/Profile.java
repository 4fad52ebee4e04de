package dev.lowrank.engine.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Where the time of some steps went. */
public final class Profile {
    private record Place(Phase phase, String operation) {}

    private record Sum(long calls, long nanoseconds, double products) {
        Sum plus(long more, double products) {
            return new Sum(calls + 1, nanoseconds + more, this.products + products);
        }
    }

    private static final Sum NOTHING = new Sum(0, 0, 0);

    private final Map<Place, Sum> sums = new LinkedHashMap<>();
    private Phase phase = Phase.FORWARD;

    /** @param products floating-point operations of its matrix products; 0 where it has none */
    void add(String name, String operation, long nanoseconds, double products) {
        phase = phase.next(name);
        Place place = new Place(phase, operation);
        sums.put(place, sums.getOrDefault(place, NOTHING).plus(nanoseconds, products));
    }

    /** Forgets what there was: the first steps are still being compiled. */
    void restart() {
        sums.clear();
    }

    /**
     * An operation in a step, on average.
     *
     * @param share of the step's time
     * @param flops a second; 0 where it has no products
     */
    public record Line(String phase, String operation, double calls, double milliseconds, double share, double flops) {}

    /** The dearest first; the last line is what no operation took, so that shares sum to 1. */
    List<Line> lines(List<Double> stepSeconds) {
        double all = stepSeconds.stream().mapToDouble(Double::doubleValue).sum();
        List<Line> lines = new ArrayList<>();
        double timed = 0;
        for (Map.Entry<Place, Sum> one : sums.entrySet()) {
            double seconds = one.getValue().nanoseconds / 1e9;
            timed += seconds;
            Place place = one.getKey();
            lines.add(line(place.phase.key(), place.operation, one.getValue(), seconds, all, stepSeconds.size()));
        }
        lines.sort(Comparator.comparingDouble(Line::milliseconds).reversed());
        lines.add(line("", "between operations", NOTHING, all - timed, all, stepSeconds.size()));
        return lines;
    }

    private static Line line(String phase, String operation, Sum sum, double seconds, double all, int steps) {
        return new Line(
                phase,
                operation,
                (double) sum.calls / steps,
                1e3 * seconds / steps,
                seconds / all,
                sum.products / seconds);
    }
}
