/* agent_evidence.c - what the engine asks for before a restart stops anything: put together on the loop,
 * gathered on a worker. See agent.c for the invariants. */
#include "agent_internal.h"

#include "status_view.h"

#include <stdlib.h>
#include <string.h>

/* The process that grows is what is of interest; the target of the restart is, too, when that is another. */
static void add_process(const struct agent *agent, struct evidence_task *task, struct process_id id)
{
    const struct process *process =
        id.pid ? observation_process(agent->observations[agent->latest], id.pid) : NULL;
    if (!process || !process_id_equal(process->id, id) || task->process_count == EVIDENCE_PROCESSES_MAX)
        return;
    for (size_t i = 0; i < task->process_count; i++)
        if (process_id_equal(task->processes[i].id, id))
            return;
    struct evidence_process *added = &task->processes[task->process_count++];
    added->id = id;
    text_copy(added->image, sizeof added->image, process->image);
}

static void choose_processes(const struct agent *agent, struct evidence_task *task)
{
    const struct restart_journal *journal = &agent->engine->restart.journal;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (journal->incident_id && agent->engine->incidents[i].incident.id == journal->incident_id)
            add_process(agent, task, agent->engine->incidents[i].incident.process);
    for (size_t i = 0; i < journal->plan.count; i++)
        if (journal->plan.services[i].is_target)
            add_process(agent, task, journal->plan.services[i].process);
}

static void add_facts(struct buffer *out, const struct agent *agent)
{
    const struct restart_journal *journal = &agent->engine->restart.journal;
    char time[64];
    struct text text = text_on(time, sizeof time);
    text_add_time_human(&text, os_utc_ms(agent->os));
    buffer_add(out, "storewatch %s: evidence before restart %lld of %s on %s (%s), %s\n", STOREWATCH_VERSION,
               (long long)journal->id, journal->target, agent->facts.host_name, agent->facts.os_text, time);
    buffer_add(out, "why: %s\n", journal->reason);
    buffer_add(out, "rung: %s\n", journal->incident_id ? rung_name(journal->rung) : "by hand");
    for (size_t i = 0; i < journal->plan.count; i++)
        buffer_add(out, "stop %zu of %zu: %s, pid %u\n", i + 1, journal->plan.count,
                   journal->plan.services[i].name, (unsigned)journal->plan.services[i].process.pid);
    buffer_add(out, "\n");
}

/* Heap; NULL without memory: then the rest is gathered all the same. */
static char *summary_text(struct agent *agent)
{
    struct buffer out = {0};
    char *json = agent_status_json(agent);
    add_facts(&out, agent);
    if (json)
        status_view_text(json, &out);
    free(json);
    return buffer_take(&out);
}

bool agent_take_evidence_job(struct agent *agent, struct job *job)
{
    const struct engine *engine = agent->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    bool asked = agent->request.kind == ENGINE_GATHER_EVIDENCE &&
                 agent->committed_sequence >= agent->request_after && !agent->stopping;
    if (!asked)
        return false;
    job->kind = JOB_EVIDENCE;
    job->request = agent->request;
    agent->request.kind = ENGINE_NOTHING; /* it is in this lane now; the others' requests have way */
    /* Until then the engine waits, however long the journal's commit took. */
    const int64_t left_ms = engine->evidence_until_mono_ms - os_mono_ms(agent->os);
    if (engine->evidence != EVIDENCE_ASKED || job->request.restart_id != journal->id || left_ms <= 0)
        return false; /* the engine waits for it no more */
    struct evidence_task *task = &job->evidence;
    *task = (struct evidence_task){.utc_ms = os_utc_ms(agent->os),
                                   .budget_ms = left_ms,
                                   .dump_time_ms = engine->config.dump_time_ms,
                                   .dump = engine->config.dump_kind,
                                   .min_free_bytes = engine->config.dump_min_free_bytes,
                                   .keep = engine->config.dump_keep};
    text_copy(task->data_dir, sizeof task->data_dir, agent->data_dir);
    text_copy(task->store_path, sizeof task->store_path, agent->store_path);
    struct text label = text_on(task->label, sizeof task->label);
    text_add(&label, journal->incident_id ? "incident-%lld" : "restart-%lld",
             (long long)(journal->incident_id ? journal->incident_id : journal->id));
    /* A process that stands still for minutes looks like one that has failed. */
    if (agent->observations[agent->latest]->cluster_node)
        text_copy(task->dump_refused, sizeof task->dump_refused,
                  "refused on a cluster node, which would take the pause for a failure");
    choose_processes(agent, task);
    task->summary = summary_text(agent);
    return true;
}

void job_evidence(struct job *job)
{
    char said[ERR_TEXT_MAX];
    job->status = evidence_gather(job->agent->os, &job->evidence, said, sizeof said, &job->err);
    if (!job->status)
        text_copy(job->err.text, sizeof job->err.text, said);
}

void agent_evidence_done(struct agent *agent, struct job *job)
{
    struct text words = text_on(agent->evidence, sizeof agent->evidence);
    agent->evidence_restart_id = job->request.restart_id;
    text_add(&words, "%s%s", job->status ? "no evidence: " : "", job->err.text);
    evidence_task_deinit(&job->evidence);
    engine_told(agent->engine, &job->request, job->status, &job->err, NULL,
                agent->observations[agent->latest], agent_clock_now(agent), agent->actions);
    agent_take_actions(agent);
}
