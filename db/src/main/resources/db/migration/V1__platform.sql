-- The platform's tables. Public ids are those of the OpenAI contract ('ftjob-…', 'file-…', 'ftckpt_…').
-- Every CHECK has a name: when the database refuses a row, the name says which rule it broke.
-- All times are the database's (clock_timestamp()); no worker's clock is ever compared with another's.

create table organization (
    id         text primary key,
    name       text not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint organization_id_form check (id like 'org-%')
);

create table project (
    id              text primary key,
    organization_id text not null references organization,
    name            text not null,
    created_at      timestamptz not null default clock_timestamp(),
    constraint project_id_form check (id like 'proj_%')
);

-- Only a hash of the secret is kept; the prefix lets a person tell keys apart.
create table api_key (
    id           text primary key,
    project_id   text not null references project,
    name         text not null,
    prefix       text not null unique,
    secret_hash  bytea not null unique,
    created_at   timestamptz not null default clock_timestamp(),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    constraint api_key_id_form check (id like 'key_%'),
    constraint api_key_hash_is_sha256 check (octet_length(secret_hash) = 32)
);

-- Secrets that sign download links. The newest signs; older ones still verify until removed.
create table link_key (
    id         integer generated always as identity primary key,
    secret     bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint link_key_is_256_bits check (octet_length(secret) = 32)
);

-- Content by digest. The bytes lie in the blob store under the same name.
create table blob (
    sha256     text primary key,
    bytes      bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint blob_sha256_form check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint blob_bytes_not_negative check (bytes >= 0)
);

create table file (
    id             text primary key,
    project_id     text not null references project,
    filename       text not null,
    purpose        text not null,
    sha256         text not null references blob,
    bytes          bigint not null,
    status         text not null,
    status_details text,
    format         text,
    examples       integer,
    created_at     timestamptz not null default clock_timestamp(),
    deleted_at     timestamptz,
    constraint file_id_form check (id like 'file-%'),
    constraint file_purpose_known check (purpose in ('fine-tune', 'fine-tune-results')),
    constraint file_status_known check (status in ('processed', 'error')),
    constraint file_error_has_details check (status <> 'error' or status_details is not null)
);
create index file_by_project on file (project_id, created_at desc, id desc) where deleted_at is null;

-- A base that workers can load. The name is what clients put into "model".
create table base_model (
    name       text primary key,
    path       text not null,
    sha256     text not null,
    parameters bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint base_model_sha256_form check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint base_model_parameters_positive check (parameters > 0)
);

-- One row a worker process, renewed by its heartbeat: it holds what it claimed until lease_until. Neither time is indexed,
-- so that renewing stays cheap.
create table worker (
    id           text primary key,
    host         text not null,
    process_id   bigint not null,
    device       text not null,
    started_at   timestamptz not null default clock_timestamp(),
    heartbeat_at timestamptz not null default clock_timestamp(),
    lease_until  timestamptz not null,
    stopped_at   timestamptz,
    constraint worker_id_form check (id like 'worker-%')
) with (fillfactor = 70);

-- Lease tokens only rise, over all jobs and attempts. A write that carries an old one is refused.
create sequence lease_token_seq as bigint;

create table fine_tuning_job (
    id                  text primary key,
    project_id          text not null references project,
    status              text not null,
    model               text not null,
    suffix              text,
    training_file       text not null references file,
    validation_file     text references file,
    seed                integer not null,
    -- What the client sent as method, with the numbers resolved, as it is echoed back.
    method              jsonb not null,
    -- The TrainingSpec, whole, with the reason of every value the client left out.
    spec                jsonb not null,
    resolutions         jsonb not null default '[]',
    metadata            jsonb,
    integrations        jsonb,
    priority            integer not null default 0,
    -- What tells a repeated request from a new one.
    idempotency_key     text,
    request_sha256      text,
    created_at          timestamptz not null default clock_timestamp(),
    queued_at           timestamptz,
    started_at          timestamptz,
    finished_at         timestamptz,
    cancel_requested_at timestamptz,
    -- The lease of the attempt that runs now.
    lease_token         bigint,
    attempts            integer not null default 0,
    -- Progress, written by the lease holder.
    phase               text,
    step                integer not null default 0,
    total_steps         integer,
    estimated_finish    timestamptz,
    trained_tokens      bigint,
    -- Outcome.
    fine_tuned_model    text unique,
    result_file         text references file,
    error_code          text,
    error_message       text,
    error_param         text,
    constraint job_id_form check (id like 'ftjob-%'),
    constraint job_status_known check (status in ('validating_files', 'queued', 'running', 'succeeded', 'failed', 'cancelled')),
    constraint job_phase_known check (phase is null or phase in ('prepare', 'train', 'evaluate', 'verify', 'register')),
    constraint job_finished_iff_terminal check ((finished_at is not null) = (status in ('succeeded', 'failed', 'cancelled'))),
    constraint job_leased_iff_running check ((lease_token is not null) = (status = 'running')),
    constraint job_model_iff_succeeded check ((fine_tuned_model is not null) = (status = 'succeeded')),
    constraint job_error_iff_failed check ((error_code is not null and error_message is not null) = (status = 'failed')),
    constraint job_queued_before_running check (status in ('validating_files', 'cancelled', 'failed') or queued_at is not null),
    constraint job_step_in_range check (step >= 0 and (total_steps is null or step <= total_steps)),
    constraint job_cancelled_was_asked check (status <> 'cancelled' or cancel_requested_at is not null)
) with (fillfactor = 70);
create unique index job_by_idempotency_key on fine_tuning_job (project_id, idempotency_key) where idempotency_key is not null;
create index job_by_request on fine_tuning_job (project_id, request_sha256) where request_sha256 is not null;
create index job_by_project on fine_tuning_job (project_id, created_at desc, id desc);
create index job_claimable on fine_tuning_job (priority desc, queued_at, id) where status = 'queued';
create index job_running on fine_tuning_job (lease_token) where status = 'running';

-- Who ran a job, from which checkpoint, how it ended and why. The open attempt holds the lease, as long as its worker's
-- heartbeat (worker.lease_until) and its own progress (progress_due_at) are both in time.
create table job_attempt (
    job_id           text not null references fine_tuning_job,
    number           integer not null,
    lease_token      bigint not null unique,
    worker_id        text not null references worker,
    from_step        integer not null default 0,
    started_at       timestamptz not null default clock_timestamp(),
    progressed_at    timestamptz not null default clock_timestamp(),
    progress_due_at  timestamptz not null,
    ended_at         timestamptz,
    outcome          text,
    reason           text,
    primary key (job_id, number),
    constraint attempt_outcome_known check (outcome is null or outcome in ('succeeded', 'failed', 'cancelled', 'preempted', 'lost')),
    constraint attempt_ended_iff_outcome check ((ended_at is not null) = (outcome is not null)),
    constraint attempt_end_has_reason check (outcome is null or outcome = 'succeeded' or reason is not null)
) with (fillfactor = 70);
create unique index attempt_open_once on job_attempt (job_id) where ended_at is null;

create table job_event (
    sequence   bigint generated always as identity primary key,
    id         text not null unique,
    job_id     text not null references fine_tuning_job,
    created_at timestamptz not null default clock_timestamp(),
    level      text not null,
    type       text not null,
    message    text not null,
    data       jsonb,
    constraint event_id_form check (id like 'ftevent-%'),
    constraint event_level_known check (level in ('info', 'warn', 'error')),
    constraint event_type_known check (type in ('message', 'metrics'))
);
create index event_by_job on job_event (job_id, sequence desc);

-- One row an optimizer step. A resumed attempt writes the steps after its checkpoint again.
create table job_metric (
    job_id              text not null references fine_tuning_job,
    step                integer not null,
    loss                double precision,
    grad_norm           double precision,
    learning_rate       double precision not null,
    trained_tokens      bigint not null,
    tokens_per_second   double precision,
    token_accuracy      double precision,
    valid_loss          double precision,
    valid_token_accuracy double precision,
    lease_token         bigint not null,
    created_at          timestamptz not null default clock_timestamp(),
    primary key (job_id, step),
    constraint metric_step_positive check (step > 0)
);

create table checkpoint (
    id              text primary key,
    job_id          text not null references fine_tuning_job,
    step            integer not null,
    directory       text not null,
    manifest_sha256 text not null,
    bytes           bigint not null,
    metrics         jsonb not null,
    lease_token     bigint not null,
    created_at      timestamptz not null default clock_timestamp(),
    removed_at      timestamptz,
    constraint checkpoint_id_form check (id like 'ftckpt_%'),
    constraint checkpoint_manifest_form check (manifest_sha256 ~ '^[0-9a-f]{64}$'),
    unique (job_id, step)
);

create table adapter (
    id         text primary key,
    project_id text not null references project,
    name       text not null,
    base_model text not null references base_model,
    created_at timestamptz not null default clock_timestamp(),
    constraint adapter_id_form check (id like 'adapter-%'),
    constraint adapter_name_form check (name ~ '^[a-z0-9][a-z0-9._-]{0,127}$'),
    unique (project_id, name)
);

create table adapter_version (
    adapter_id  text not null references adapter,
    number      integer not null,
    job_id      text not null unique references fine_tuning_job,
    sha256      text not null references blob,
    bytes       bigint not null,
    base_sha256 text not null,
    spec        jsonb not null,
    metrics     jsonb not null,
    -- What was proven before the version was registered.
    verdict     jsonb not null,
    created_at  timestamptz not null default clock_timestamp(),
    primary key (adapter_id, number),
    constraint version_number_positive check (number > 0)
);
