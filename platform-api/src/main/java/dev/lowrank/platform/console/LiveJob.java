package dev.lowrank.platform.console;

import dev.lowrank.db.job.JobWatch.Point;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What has changed about a job since a page last asked.
 *
 * @param shape differs from the page's when the page should fetch itself again
 * @param attempt when it rises, steps that were shown may be taken again
 * @param more whether steps were left for the next answer
 * @param events newest first
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
record LiveJob(
        boolean open,
        String shape,
        int attempt,
        int percent,
        Map<String, String> texts,
        Columns points,
        boolean more,
        List<EventView> events) {
    /** Points of the curve, a list for each value, all equally long. */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record Columns(
            List<Integer> step,
            List<@Nullable Double> low,
            List<@Nullable Double> high,
            List<@Nullable Double> mean,
            List<Double> learningRate,
            List<@Nullable Double> gradNorm,
            List<@Nullable Double> validLoss) {
        static Columns of(List<Point> points) {
            return new Columns(
                    column(points, Point::step),
                    column(points, Point::low),
                    column(points, Point::high),
                    column(points, Point::mean),
                    column(points, Point::learningRate),
                    column(points, Point::gradNorm),
                    column(points, Point::validLoss));
        }

        private static <T extends @Nullable Object> List<T> column(List<Point> points, Function<Point, T> value) {
            return points.stream().map(value).toList();
        }
    }
}
