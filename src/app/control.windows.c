/* control.windows.c - the named pipe, server and client, on libuv. See control.h for the protocol. */
#include "control_pipe.h"

#include "../win32/access.h"

#include <io.h>
#include <stdlib.h>
#include <string.h>

/* ---- server ---- */

#define NO_ROOM_PAUSE_MS 50

struct client {
    uv_pipe_t pipe;
    uv_timer_t deadline;
    uv_write_t write;
    struct control_server *server;
    bool used, answering;
    int open_handles; /* pipe and timer: the slot is free when both are closed */
    size_t length;
    char line[CONTROL_LINE_MAX];
    char *answer; /* owned while it is being written */
};

struct control_server {
    uv_pipe_t listener;
    uv_prepare_t brake;
    struct agent *agent;
    uv_async_t *asked;
    bool closing;
    int open_handles; /* listener, brake and clients */
    struct client clients[CONTROL_CLIENTS_MAX];
};

static void free_when_closed(struct control_server *server)
{
    if (server->closing && server->open_handles == 0)
        free(server);
}

static void on_client_handle_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    if (--client->open_handles > 0)
        return;
    struct control_server *server = client->server;
    free(client->answer);
    client->answer = NULL;
    client->used = false;
    server->open_handles--;
    free_when_closed(server);
}

static void close_client(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->pipe))
        uv_close((uv_handle_t *)&client->pipe, on_client_handle_closed);
    if (!uv_is_closing((uv_handle_t *)&client->deadline))
        uv_close((uv_handle_t *)&client->deadline, on_client_handle_closed);
}

static void on_deadline(uv_timer_t *timer)
{
    close_client(timer->data);
}

static void on_written(uv_write_t *write, int code)
{
    (void)code; /* written or not: one answer, then the connection ends */
    close_client(write->data);
}

static void answer_client(struct client *client)
{
    client->answering = true;
    client->answer = control_answer(client->server->agent, client->line, client->length);
    uv_async_send(client->server->asked);
    if (!client->answer) {
        close_client(client);
        return;
    }
    uv_buf_t buffer = uv_buf_init(client->answer, (unsigned int)strlen(client->answer));
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buffer, 1, on_written) != 0)
        close_client(client);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct client *client = handle->data;
    *buffer =
        uv_buf_init(client->line + client->length, (unsigned int)(sizeof client->line - client->length));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    struct client *client = stream->data;
    if (count < 0) {
        close_client(client);
        return;
    }
    if (client->answering || client->server->closing)
        return;
    client->length += (size_t)count;
    if (memchr(client->line, '\n', client->length) || client->length == sizeof client->line)
        answer_client(client);
}

static struct client *free_slot(struct control_server *server)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (!server->clients[i].used)
            return &server->clients[i];
    return NULL;
}

static void on_refused_closed(uv_handle_t *handle)
{
    free(handle);
}

/* All slots are taken: the connection must be accepted to be closed. */
static void refuse(struct control_server *server)
{
    uv_pipe_t *pipe = malloc(sizeof *pipe);
    if (!pipe)
        return;
    uv_pipe_init(server->listener.loop, pipe, 0);
    uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)pipe);
    uv_close((uv_handle_t *)pipe, on_refused_closed);
}

static void on_connection(uv_stream_t *listener, int code)
{
    struct control_server *server = listener->data;
    if (code != 0 || server->closing)
        return;
    struct client *client = free_slot(server);
    if (!client) {
        refuse(server);
        return;
    }
    memset(client, 0, sizeof *client);
    client->server = server;
    client->used = true;
    client->open_handles = 2;
    server->open_handles++;
    uv_pipe_init(listener->loop, &client->pipe, 0);
    uv_timer_init(listener->loop, &client->deadline);
    client->pipe.data = client->deadline.data = client;
    uv_timer_start(&client->deadline, on_deadline, CONTROL_TIMEOUT_MS, 0);
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
        uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) != 0)
        close_client(client);
}

/* Where Windows has no room for another instance of the pipe - its nonpaged pool is used up, which may be what
 * storewatch has to tell - libuv asks for one again in each round of the loop, and goes round without a rest. */
static void on_brake(uv_prepare_t *brake)
{
    const struct control_server *server = brake->data;
    const uv_pipe_t *listener = &server->listener;
    bool lacks = false;
    for (int i = 0; !server->closing && i < listener->pipe.serv.pending_instances; i++)
        lacks |= listener->pipe.serv.accept_reqs[i].pipeHandle == INVALID_HANDLE_VALUE;
    if (lacks)
        uv_sleep(NO_ROOM_PAUSE_MS);
}

static void on_server_handle_closed(uv_handle_t *handle)
{
    struct control_server *server = handle->data;
    server->open_handles--;
    free_when_closed(server);
}

enum status control_server_open(uv_loop_t *uv, struct agent *agent, uv_async_t *asked,
                                struct control_server **out_server, struct err *err)
{
    struct control_server *server = calloc(1, sizeof *server);
    if (!server)
        return err_set(err, STATUS_NO_MEMORY, "control pipe", 0, "no memory for the control pipe");
    server->agent = agent;
    server->asked = asked;
    uv_pipe_init(uv, &server->listener, 0);
    uv_prepare_init(uv, &server->brake);
    server->listener.data = server->brake.data = server;
    server->open_handles = 2;
    int code = uv_pipe_bind(&server->listener, CONTROL_PIPE_NAME);
    /* libuv has made the first instance, and with it the pipe that all share. */
    if (code == 0 &&
        access_pipe_close(server->listener.pipe.serv.accept_reqs[0].pipeHandle, err) != STATUS_OK) {
        control_server_close(server);
        return err ? err->status : STATUS_SYSTEM;
    }
    if (code == 0)
        code = uv_listen((uv_stream_t *)&server->listener, CONTROL_CLIENTS_MAX, on_connection);
    if (code == 0)
        code = uv_prepare_start(&server->brake, on_brake);
    if (code != 0) {
        control_server_close(server);
        return err_set(err, STATUS_SYSTEM, "control pipe", (uint32_t)-code, "%s: %s", CONTROL_PIPE_NAME,
                       uv_strerror(code));
    }
    *out_server = server;
    return STATUS_OK;
}

void control_server_close(struct control_server *server)
{
    if (!server)
        return;
    server->closing = true;
    uv_close((uv_handle_t *)&server->listener, on_server_handle_closed);
    uv_close((uv_handle_t *)&server->brake, on_server_handle_closed);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (server->clients[i].used)
            close_client(&server->clients[i]);
}

/* ---- client ---- */

struct question {
    uv_loop_t loop;
    uv_pipe_t pipe;
    uv_timer_t deadline;
    uv_write_t write;
    char block[64 * 1024];
    struct buffer answer;
    int code; /* libuv's, of the first failure; UV_EOF = the answer is complete */
};

static void end_question(struct question *question, int code)
{
    if (question->code == 0)
        question->code = code;
    if (!uv_is_closing((uv_handle_t *)&question->pipe))
        uv_close((uv_handle_t *)&question->pipe, NULL);
    if (!uv_is_closing((uv_handle_t *)&question->deadline))
        uv_close((uv_handle_t *)&question->deadline, NULL);
}

static void on_question_deadline(uv_timer_t *timer)
{
    end_question(timer->data, UV_ETIMEDOUT);
}

static void on_answer_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct question *question = handle->data;
    *buffer = uv_buf_init(question->block, sizeof question->block);
}

static void on_answer(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct question *question = stream->data;
    if (count < 0)
        end_question(question, (int)count);
    else
        buffer_add_bytes(&question->answer, buffer->base, (size_t)count);
}

static void on_asked(uv_write_t *write, int code)
{
    if (code != 0)
        end_question(write->data, code);
}

/* The pipe is open. */
static void ask(struct question *question, const char *line)
{
    uv_buf_t parts[2] = {uv_buf_init((char *)(uintptr_t)line, (unsigned int)strlen(line)),
                         uv_buf_init((char *)(uintptr_t) "\n", 1)};
    question->write.data = question;
    int code = uv_write(&question->write, (uv_stream_t *)&question->pipe, parts, 2, on_asked);
    if (code == 0)
        code = uv_read_start((uv_stream_t *)&question->pipe, on_answer_alloc, on_answer);
    if (code != 0)
        end_question(question, code);
}

static enum status question_result(struct question *question, char **out_answer, struct err *err)
{
    if (question->code == UV_EOF && question->answer.length && !question->answer.failed) {
        *out_answer = buffer_take(&question->answer);
        return STATUS_OK;
    }
    return err_set(err, question->code == UV_ETIMEDOUT ? STATUS_TIMEOUT : STATUS_IO, "control pipe",
                   (uint32_t)-question->code, "%s: %s", CONTROL_PIPE_NAME,
                   question->code == UV_EOF ? "the service closed the connection without an answer"
                   : question->code == UV_ETIMEDOUT
                       ? "the service does not answer: it hangs, or the machine is too busy"
                       : uv_strerror(question->code));
}

enum status control_ask(const char *line, char **out_answer, struct err *err)
{
    void *pipe = NULL;
    enum status status = access_pipe_open(CONTROL_PIPE_NAME, CONTROL_TIMEOUT_MS, &pipe, err);
    if (status != STATUS_OK)
        return status;
    struct question *question = calloc(1, sizeof *question);
    int file = question ? _open_osfhandle((intptr_t)pipe, 0) : -1; /* closes the handle with it */
    if (file < 0) {
        CloseHandle(pipe);
        free(question);
        return err_set(err, STATUS_NO_MEMORY, "control pipe", 0, "no memory");
    }
    int code = uv_loop_init(&question->loop);
    if (code != 0) { /* no handle for its port is left, or no memory */
        _close(file);
        free(question);
        return err_set(err, STATUS_NO_MEMORY, "uv_loop_init", (uint32_t)-code, "%s", uv_strerror(code));
    }
    question->answer.limit = CONTROL_ANSWER_MAX;
    uv_pipe_init(&question->loop, &question->pipe, 0);
    uv_timer_init(&question->loop, &question->deadline);
    question->pipe.data = question->deadline.data = question;
    uv_timer_start(&question->deadline, on_question_deadline, CONTROL_TIMEOUT_MS, 0);
    code = uv_pipe_open(&question->pipe, file);
    if (code == 0) {
        ask(question, line);
    } else {
        _close(file);
        end_question(question, code);
    }
    uv_run(&question->loop, UV_RUN_DEFAULT);
    uv_loop_close(&question->loop);
    status = question_result(question, out_answer, err);
    buffer_deinit(&question->answer);
    free(question);
    return status;
}

void control_pause(unsigned int ms)
{
    uv_sleep(ms);
}
