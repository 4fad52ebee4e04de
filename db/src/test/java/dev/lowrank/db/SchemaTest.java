package dev.lowrank.db;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.jdbc.core.simple.JdbcClient;

class SchemaTest {
    private final JdbcClient jdbc = JdbcClient.create(TestDatabase.create().dataSource());
    private final TestRows rows = new TestRows(jdbc);

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            status = 'dreaming'                                                   | job_status_known
            status = 'running'                                                    | job_leased_iff_running
            lease_token = 1                                                       | job_leased_iff_running
            status = 'failed', finished_at = now()                                | job_error_iff_failed
            status = 'succeeded', finished_at = now()                             | job_model_iff_succeeded
            fine_tuned_model = 'ft:x'                                             | job_model_iff_succeeded
            finished_at = now()                                                   | job_finished_iff_terminal
            status = 'cancelled', finished_at = now()                             | job_cancelled_was_asked
            step = 3, total_steps = 2                                             | job_step_in_range
            queued_at = null                                                      | job_queued_before_running
            phase = 'dance'                                                       | job_phase_known
            """)
    void refusesAJobThatCannotBeAndNamesTheRule(String assignment, String constraint) {
        String job = rows.queuedJob();
        assertThatThrownBy(() -> rows.update(job, assignment))
                .isInstanceOf(DataIntegrityViolationException.class)
                .hasMessageContaining(constraint);
    }

    @Test
    void refusesASecondOpenAttemptOfAJob() {
        String job = rows.queuedJob();
        jdbc.sql(
                        "insert into worker (id, host, process_id, device, lease_until) values ('worker-a', 'h', 1, 'CPU', now())")
                .update();
        openAttempt(job, 1);
        assertThatThrownBy(() -> openAttempt(job, 2)).hasMessageContaining("attempt_open_once");
    }

    private void openAttempt(String job, int number) {
        jdbc.sql("""
                        insert into job_attempt (job_id, number, lease_token, worker_id, progress_due_at)
                        values (?, ?, nextval('lease_token_seq'), 'worker-a', now())
                        """).params(job, number).update();
    }
}
