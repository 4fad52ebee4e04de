package dev.lowrank.db.job;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/** A job as a person watches it: its curve thinned out to what a screen can show, and its messages without the figures. */
public final class JobWatch {
    /**
     * One or more neighbouring optimizer steps; what was not finite in all of them is null.
     *
     * @param step the last of them
     * @param low smallest loss, in nats; {@code high} is the largest and {@code mean} their mean
     * @param gradNorm the largest
     * @param validLoss the last measured
     */
    public record Point(
            int step,
            @Nullable Double low,
            @Nullable Double high,
            @Nullable Double mean,
            double learningRate,
            @Nullable Double gradNorm,
            @Nullable Double validLoss) {}

    // A resumed attempt writes the steps after its checkpoint again: until then those of the attempt before are no part
    // of what is being trained. PostgreSQL sorts NaN above infinity, so that one comparison leaves both out.
    private static final String COUNTED = """
            with newest as (
                select lease_token, from_step from job_attempt where job_id = :job order by number desc limit 1
            ), counted as (
                select m.step, m.learning_rate,
                    case when m.loss < 'infinity' then m.loss end as loss,
                    case when m.grad_norm < 'infinity' then m.grad_norm end as grad_norm,
                    case when m.valid_loss < 'infinity' then m.valid_loss end as valid_loss
                from job_metric m cross join newest
                where m.job_id = :job and m.step > :after
                    and (m.step <= newest.from_step or m.lease_token = newest.lease_token)
            )
            """;
    private static final String CURVE = COUNTED + """
            , span as (select min(step) as first, max(step)::bigint - min(step) + 1 as steps from counted)
            select max(step) as step, min(loss) as low, max(loss) as high, avg(loss) as mean,
                avg(learning_rate) as learning_rate, max(grad_norm) as grad_norm,
                (array_agg(valid_loss order by step desc) filter (where valid_loss is not null))[1] as valid_loss
            from counted cross join span
            group by (counted.step - span.first) * least(:points, span.steps) / span.steps
            order by 1
            """;
    private static final String TAIL = COUNTED + """
            select step, loss as low, loss as high, loss as mean, learning_rate, grad_norm, valid_loss
            from counted order by step limit :points
            """;
    private static final String MESSAGES = """
            select sequence, id, created_at, level, type, message, data::text as data from job_event
            where job_id = :job and type = 'message' and sequence > :after
            order by sequence desc limit :limit
            """;

    private final JdbcClient jdbc;

    public JobWatch(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /** The whole curve by step, in at most {@code points} points of equally many steps. */
    public List<Point> curve(String jobId, int points) {
        return points(CURVE, jobId, 0, points);
    }

    /** The steps after a step as they are, the first {@code limit} of them. */
    public List<Point> tail(String jobId, int afterStep, int limit) {
        return points(TAIL, jobId, afterStep, limit);
    }

    private List<Point> points(String sql, String jobId, int afterStep, long points) {
        return jdbc.sql(sql)
                .param("job", jobId)
                .param("after", afterStep)
                .param("points", points)
                .query(JobWatch::point)
                .list();
    }

    /** Messages after a sequence number (0 for all), the newest {@code limit} of them, newest first. */
    public List<JobHistory.Event> messages(String jobId, long afterSequence, int limit) {
        return jdbc.sql(MESSAGES)
                .param("job", jobId)
                .param("after", afterSequence)
                .param("limit", limit)
                .query(JobHistory::event)
                .list();
    }

    private static Point point(ResultSet row, int n) throws SQLException {
        return new Point(
                row.getInt("step"),
                row.getObject("low", Double.class),
                row.getObject("high", Double.class),
                row.getObject("mean", Double.class),
                row.getDouble("learning_rate"),
                row.getObject("grad_norm", Double.class),
                row.getObject("valid_loss", Double.class));
    }
}
