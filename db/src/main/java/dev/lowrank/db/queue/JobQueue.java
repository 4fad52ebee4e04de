package dev.lowrank.db.queue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Hands each queued job to one worker at a time and takes it back when the worker or its work is lost. Liveness is judged
 * by the database's clock alone. Every method is one statement, so it holds no lock while Java thinks, and every one may
 * be called by any worker at any time.
 */
public final class JobQueue {
    /** Attempts lost in a row at the same checkpoint, after which the job itself is blamed. */
    public static final int LOST_WITHOUT_PROGRESS = 3;

    // The attempt's number comes from the locked row, not from a second look at job_attempt, which would show the
    // moment before the lock.
    private static final String CLAIM = """
            with next as (
                select id, attempts + 1 as number from fine_tuning_job
                where status = 'queued' and cancel_requested_at is null
                order by priority desc, queued_at, id
                limit 1
                for update skip locked
            ), attempt as (
                insert into job_attempt (job_id, number, lease_token, worker_id, from_step, progress_due_at)
                select id, number, nextval('lease_token_seq'), :worker,
                    coalesce((select max(step) from checkpoint c where c.job_id = next.id and c.removed_at is null), 0),
                    clock_timestamp() + :due * interval '1 second'
                from next
                returning job_id, number, lease_token, worker_id, from_step
            ), event as (
                insert into job_event (id, job_id, level, type, message)
                select 'ftevent-' || replace(gen_random_uuid()::text, '-', ''), job_id, 'info', 'message',
                    case when number = 1 then 'Fine-tuning job started'
                         when from_step = 0 then format('Fine-tuning job started again (attempt %s)', number)
                         else format('Fine-tuning job goes on from the checkpoint at step %s (attempt %s)',
                             from_step, number) end
                from attempt
            )
            update fine_tuning_job j
            set status = 'running', lease_token = a.lease_token, attempts = a.number, phase = 'prepare',
                step = a.from_step, started_at = coalesce(j.started_at, clock_timestamp())
            from attempt a
            where j.id = a.job_id
            returning a.job_id, a.lease_token as token, a.worker_id, a.number as attempt, a.from_step
            """;

    private static final String RENEW = """
            with beat as (
                update worker
                set heartbeat_at = clock_timestamp(), lease_until = clock_timestamp() + :ttl * interval '1 second'
                where id = :worker
            )
            select j.cancel_requested_at is not null
            from job_attempt a join fine_tuning_job j on j.id = a.job_id
            where a.lease_token = :token and a.ended_at is null
            """;

    private static final String ASSIGNMENT = """
            select j.id as job_id, j.project_id, p.organization_id, j.model, j.suffix, j.spec::text as spec,
                b.name as base_name, b.path as base_path, b.sha256 as base_sha256,
                j.training_file, t.sha256 as training_sha256, j.validation_file, v.sha256 as validation_sha256
            from job_attempt a
            join fine_tuning_job j on j.id = a.job_id
            join project p on p.id = j.project_id
            join file t on t.id = j.training_file
            left join file v on v.id = j.validation_file
            left join base_model b on b.name = j.model
            where a.lease_token = :token and a.ended_at is null
            """;

    // "lost" looks at the moment before this statement, so the attempt that ends here is counted apart. The new status
    // is
    // decided on the job's locked row, so that a cancel asked for at the same moment is seen.
    private static final String SWEEP = """
            with gone as (
                select a.job_id, a.number, a.from_step,
                    case when w.stopped_at is not null then 'its worker stopped without handing it back'
                         when w.lease_until < clock_timestamp() then 'its worker was not heard from for '
                             || round(extract(epoch from clock_timestamp() - w.heartbeat_at)) || ' s'
                         else 'it made no progress for '
                             || round(extract(epoch from clock_timestamp() - a.progressed_at)) || ' s' end as reason
                from job_attempt a join worker w on w.id = a.worker_id
                where a.ended_at is null
                  and (w.stopped_at is not null or w.lease_until < clock_timestamp()
                       or a.progress_due_at < clock_timestamp())
                for update of a skip locked
            ), ended as (
                update job_attempt a
                set ended_at = clock_timestamp(), outcome = 'lost', reason = gone.reason
                from gone where a.job_id = gone.job_id and a.number = gone.number
                returning a.job_id, a.number, a.reason
            ), judged as (
                select e.job_id, e.number, e.reason, resume.step,
                    1 + (select count(*) from job_attempt l
                         where l.job_id = e.job_id and l.outcome = 'lost' and l.from_step = resume.step) as lost,
                    gone.from_step = resume.step as no_progress
                from ended e
                join gone on gone.job_id = e.job_id
                cross join lateral (
                    select coalesce(max(c.step), 0) as step from checkpoint c
                    where c.job_id = e.job_id and c.removed_at is null) resume
            ), moved as (
                update fine_tuning_job j
                set (status, lease_token, phase, step, estimated_finish, finished_at, error_code, error_message) = (
                    select v.status, null::bigint, null::text, d.step, null::timestamptz,
                        case when v.status <> 'queued' then clock_timestamp() end,
                        case when v.status = 'failed' then 'worker_lost' end,
                        case when v.status = 'failed' then
                            format('%s workers in a row were lost while they ran this job from step %s (the last one: '
                                || '%s). The job may need more memory than a worker has; the workers'' logs tell more.',
                                d.lost, d.step, d.reason) end
                    from (select case when j.cancel_requested_at is not null then 'cancelled'
                                      when d.no_progress and d.lost >= :lost then 'failed'
                                      else 'queued' end as status) v)
                from judged d where j.id = d.job_id
                returning j.id as job_id, j.status, d.number, d.reason, d.step, d.lost
            )
            insert into job_event (id, job_id, level, type, message)
            select 'ftevent-' || replace(gen_random_uuid()::text, '-', ''), job_id,
                case status when 'failed' then 'error' else 'warn' end, 'message',
                format('Attempt %s was lost: %s. ', number, reason) || case
                    when status = 'cancelled' then 'The job was cancelled, as asked.'
                    when status = 'failed' then format('The job failed, because %s attempts in a row got no further.', lost)
                    when step > 0 then format('The job will go on from the checkpoint at step %s.', step)
                    else 'The job will start again.' end
            from moved
            returning job_id
            """;

    private final JdbcClient jdbc;

    public JobQueue(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /**
     * Takes the next queued job: highest priority first, then oldest. The attempt it opens must report progress within
     * {@code firstProgressWithin}.
     */
    public Optional<Lease> claim(String workerId, Duration firstProgressWithin) {
        return jdbc.sql(CLAIM)
                .param("worker", workerId)
                .param("due", Seconds.of(firstProgressWithin))
                .query(Lease.class)
                .optional();
    }

    /**
     * The worker's heartbeat while it holds a job.
     *
     * @return whether the job's owner asked for it to be cancelled
     * @throws LeaseLostException if the job was taken back
     */
    public boolean renew(Lease lease, Duration ttl) {
        return jdbc.sql(RENEW)
                .param("worker", lease.workerId())
                .param("token", lease.token())
                .param("ttl", Seconds.of(ttl))
                .query(Boolean.class)
                .optional()
                .orElseThrow(() -> new LeaseLostException(lease));
    }

    /**
     * What the job is to do.
     *
     * @throws LeaseLostException if the job was taken back
     */
    public Assignment assignment(Lease lease) {
        return jdbc.sql(ASSIGNMENT)
                .param("token", lease.token())
                .query(AssignmentRow::map)
                .optional()
                .orElseThrow(() -> new LeaseLostException(lease));
    }

    /**
     * Takes back what lost workers held: such a job is queued again, or cancelled if that was asked for, or failed if
     * {@value #LOST_WITHOUT_PROGRESS} attempts in a row got no further.
     *
     * @return the jobs taken back
     */
    public List<String> sweep() {
        return Rows.all(jdbc.sql(SWEEP).param("lost", LOST_WITHOUT_PROGRESS).query(String.class));
    }
}
