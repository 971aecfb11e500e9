#include "connections.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"

#define READ_BYTES (256 * 1024)
/* So much of a body is dropped at once, if it is there. */
#define DROP_BYTES (1024 * 1024 * 1024)
/* With the head comes as much of the body; the rest need not be copied. */
#define HEAD_READ_BYTES (4 * 1024)

struct counts counts;
struct connection *connections;

static const struct options *options;
static int epoll_fd;
static char request[4096], buffer[READ_BYTES];
static size_t request_length;

static void append(const char *text) {
  size_t length = strlen(text);
  if (request_length + length > sizeof request) exit(2);
  memcpy(request + request_length, text, length);
  request_length += length;
}

void connections_prepare(const struct options *given, int epoll) {
  char host[64];
  options = given;
  epoll_fd = epoll;
  connections = calloc((size_t)options->connections, sizeof *connections);
  counts.first_byte_ms = calloc((size_t)options->connections * (size_t)options->rounds, sizeof(double));
  if (options->request_times) {
    size_t requests = (size_t)options->requests * (size_t)options->rounds;
    counts.request_ms = calloc((size_t)options->connections * requests, sizeof(double));
  }
  snprintf(host, sizeof host, " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", options->port);
  append("GET ");
  append(options->path);
  append(host);
  for (int i = 0; i < options->header_count; i++) {
    append(options->headers[i]);
    append("\r\n");
  }
}

static void finish(struct connection *connection, int ok) {
  if (connection->finished) return;
  if (!connection->has_head) counts.unanswered--;
  connection->finished = 1;
  counts.finished++;
  if (!ok) counts.failed++;
  if (connection->fd >= 0) close(connection->fd);
  connection->fd = -1;
}

/* What a connection alone says stands behind what all of them do. Returns the length of the whole. */
static size_t end_request(long index) {
  char *end = request + request_length;
  size_t room = sizeof request - request_length;
  long long first = options->spread_bytes * index / options->connections;
  const char *form = options->spread_bytes > 0 ? "Range: bytes=%lld-\r\n\r\n" : "\r\n";
  size_t length = (size_t)snprintf(end, room, form, first);
  if (length >= room) exit(2);
  return request_length + length;
}

static void ask(struct connection *connection) {
  response_reset(&connection->response);
  connection->requests_left--;
  connection->sent_at = now_ms();
  size_t length = end_request(connection - connections);
  ssize_t sent = send(connection->fd, request, length, MSG_NOSIGNAL);
  if (sent != (ssize_t)length) finish(connection, 0);
}

void connection_open(int index) {
  struct connection *connection = &connections[index];
  memset(connection, 0, offsetof(struct connection, response));
  connection->requests_left = options->requests;
  connection->may_pause = index < options->paused;
  connection->asked_at = now_ms();
  counts.unanswered++;
  int small = connection->may_pause || options->pace_bytes > 0;
  connection->fd = connect_local(epoll_fd, options->port, connection, small);
  if (connection->fd < 0) finish(connection, 0);
}

static void count_progress(struct connection *connection, long long bytes_before, long long markers_before) {
  const struct response *response = &connection->response;
  if (!connection->has_head && response->status != 0) {
    connection->has_head = 1;
    counts.unanswered--;
    counts.heads++;
    if (response->status != 200 && response->status != 206) counts.not_ok++;
  }
  counts.body_bytes += response->body_bytes - bytes_before;
  if (!connection->may_pause) counts.deliveries += response->markers - markers_before;
  if (!connection->has_first_byte && response->body_bytes > 0) {
    connection->has_first_byte = 1;
    counts.first_bytes++;
    counts.first_byte_ms[counts.first_byte_count++] = now_ms() - connection->asked_at;
  }
  if (connection->may_pause && connection->has_head && response->body_bytes >= options->pause_after) {
    connection->paused = 1;
    counts.paused++;
    watch(epoll_fd, connection->fd, connection, 0);
  }
}

static void end_response(struct connection *connection) {
  if (connection->response.state == BROKEN) {
    finish(connection, 0);
    return;
  }
  counts.completed++;
  if (counts.request_ms != NULL) counts.request_ms[counts.request_count++] = now_ms() - connection->sent_at;
  if (connection->requests_left == 0) finish(connection, 1);
  else if (connection->response.keeps_alive) ask(connection);
  else finish(connection, 0);
}

static void leave(struct connection *connection) {
  counts.completed++;
  finish(connection, 1);
}

/* Drops up to `limit` bytes of a body of known length in the kernel: of a TCP socket, MSG_TRUNC copies nothing. */
static ssize_t drop(struct connection *connection, size_t limit) {
  long long remaining = connection->response.remaining;
  if ((long long)limit > remaining) limit = (size_t)remaining;
  return recv(connection->fd, NULL, limit, MSG_TRUNC);
}

static void receive(struct connection *connection, size_t limit) {
  int may_drop = !options->copy_bodies && options->publish_path == NULL;
  int drops = may_drop && connection->response.state == IN_SIZED_BODY;
  if (!drops && limit > READ_BYTES) limit = READ_BYTES;
  if (may_drop && connection->response.state == IN_HEAD && limit > HEAD_READ_BYTES) limit = HEAD_READ_BYTES;
  ssize_t length = drops ? drop(connection, limit) : recv(connection->fd, buffer, limit, 0);
  if (length < 0) {
    if (errno != EAGAIN) finish(connection, 0);
    return;
  }
  long long bytes_before = connection->response.body_bytes, markers_before = connection->response.markers;
  if (length == 0) response_closed(&connection->response);
  else if (drops) response_skip(&connection->response, (size_t)length);
  else response_feed(&connection->response, buffer, (size_t)length, options->publish_path != NULL ? '~' : -1);
  count_progress(connection, bytes_before, markers_before);
  if (connection->response.state >= COMPLETE) end_response(connection);
  else if (options->leave_after >= 0 && connection->response.body_bytes >= options->leave_after) leave(connection);
}

static void connected(struct connection *connection) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    finish(connection, 0);
    return;
  }
  connection->connected = 1;
  watch(epoll_fd, connection->fd, connection, options->pace_bytes > 0 ? 0 : EPOLLIN);
  ask(connection);
}

void connection_turn(struct connection *connection, uint32_t events) {
  if (connection->finished) return;
  if (!connection->connected) connected(connection);
  else if (!connection->paused) receive(connection, DROP_BYTES);
  else if (events & (EPOLLHUP | EPOLLERR)) finish(connection, 0);
}

void connections_read_paced(void) {
  for (int i = 0; i < options->connections; i++) {
    struct connection *connection = &connections[i];
    if (!connection->connected || connection->finished || connection->paused) continue;
    receive(connection, (size_t)options->pace_bytes);
  }
}

void connections_end_round(void) {
  for (int i = 0; i < options->connections; i++) {
    if (connections[i].fd > 0) close(connections[i].fd);
    connections[i].fd = -1;
  }
  counts.unanswered = counts.finished = counts.heads = counts.paused = counts.first_bytes = 0;
}
