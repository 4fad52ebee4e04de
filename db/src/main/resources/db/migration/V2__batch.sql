-- Spring Batch 6's own bookkeeping of launches and steps, in a schema of its own. Names, types and sizes are what its
-- JDBC repository expects under the prefix batch.BATCH_. Nothing of ours is decided by these rows.

create schema batch;

create table batch.batch_job_instance (
    job_instance_id bigint primary key,
    version         bigint,
    job_name        varchar(100) not null,
    job_key         varchar(32) not null,
    constraint job_inst_un unique (job_name, job_key)
);

create table batch.batch_job_execution (
    job_execution_id bigint primary key,
    version          bigint,
    job_instance_id  bigint not null,
    create_time      timestamp not null,
    start_time       timestamp,
    end_time         timestamp,
    status           varchar(10),
    exit_code        varchar(2500),
    exit_message     varchar(2500),
    last_updated     timestamp,
    constraint job_inst_exec_fk foreign key (job_instance_id) references batch.batch_job_instance
);

create table batch.batch_job_execution_params (
    job_execution_id bigint not null,
    parameter_name   varchar(100) not null,
    parameter_type   varchar(100) not null,
    parameter_value  varchar(2500),
    identifying      char(1) not null,
    constraint job_exec_params_fk foreign key (job_execution_id) references batch.batch_job_execution
);

create table batch.batch_step_execution (
    step_execution_id  bigint primary key,
    version            bigint not null,
    step_name          varchar(100) not null,
    job_execution_id   bigint not null,
    create_time        timestamp not null,
    start_time         timestamp,
    end_time           timestamp,
    status             varchar(10),
    commit_count       bigint,
    read_count         bigint,
    filter_count       bigint,
    write_count        bigint,
    read_skip_count    bigint,
    write_skip_count   bigint,
    process_skip_count bigint,
    rollback_count     bigint,
    exit_code          varchar(2500),
    exit_message       varchar(2500),
    last_updated       timestamp,
    constraint job_exec_step_fk foreign key (job_execution_id) references batch.batch_job_execution
);

create table batch.batch_step_execution_context (
    step_execution_id  bigint primary key,
    short_context      varchar(2500) not null,
    serialized_context text,
    constraint step_exec_ctx_fk foreign key (step_execution_id) references batch.batch_step_execution
);

create table batch.batch_job_execution_context (
    job_execution_id   bigint primary key,
    short_context      varchar(2500) not null,
    serialized_context text,
    constraint job_exec_ctx_fk foreign key (job_execution_id) references batch.batch_job_execution
);

create sequence batch.batch_step_execution_seq;
create sequence batch.batch_job_execution_seq;
create sequence batch.batch_job_instance_seq;

-- The three that the framework's own schema lacks: without them each launch reads all earlier ones.
create index batch_job_execution_by_instance on batch.batch_job_execution (job_instance_id);
create index batch_step_execution_by_job on batch.batch_step_execution (job_execution_id);
create index batch_job_execution_params_by_job on batch.batch_job_execution_params (job_execution_id);
