#include "connections.h"

#include <errno.h>
#include <poll.h>
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
/* So long a server may not take what is posted. */
#define SEND_MS 10000

struct counts counts;
struct connection *connections;

static const struct options *options;
static int epoll_fd;
static char buffer[READ_BYTES];
/* The fields that all have, a body's length included, and what is posted. */
static char fields[4096], *body;
static size_t fields_length;
/* What is sent: line, fields, and body. */
static char *request;
static size_t request_room;

static void append(const char *text) {
  size_t length = strlen(text);
  if (fields_length + length >= sizeof fields) exit(2);
  memcpy(fields + fields_length, text, length + 1);
  fields_length += length;
}

void connections_prepare(const struct options *given, int epoll) {
  char line[64];
  options = given;
  epoll_fd = epoll;
  connections = calloc((size_t)options->connections, sizeof *connections);
  counts.first_byte_ms = calloc((size_t)options->connections * (size_t)options->rounds, sizeof(double));
  if (options->request_times) {
    size_t requests = (size_t)options->requests * (size_t)options->rounds;
    counts.request_ms = calloc((size_t)options->connections * requests, sizeof(double));
  }
  snprintf(line, sizeof line, "Host: 127.0.0.1:%d\r\n", options->port);
  append(line);
  for (int i = 0; i < options->header_count; i++) {
    append(options->headers[i]);
    append("\r\n");
  }
  if (options->post_bytes > 0) {
    snprintf(line, sizeof line, "Content-Length: %ld\r\n", options->post_bytes);
    append(line);
  }
  body = malloc((size_t)options->post_bytes + 1);
  memset(body, 'x', (size_t)options->post_bytes);
  request_room = sizeof fields + strlen(options->path) + OFFSET_BYTES + 256 + (size_t)options->post_bytes;
  request = malloc(request_room);
}

struct connection *connection_of(struct response *response) {
  return (struct connection *)((char *)response - offsetof(struct connection, response));
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

/* Returns the length of the whole. */
static size_t write_request(const struct connection *connection) {
  long index = connection - connections;
  char number[16] = "", range[64] = "";
  if (options->paths > 0) snprintf(number, sizeof number, "%ld", index % options->paths);
  if (options->spread_bytes > 0) {
    snprintf(range, sizeof range, "Range: bytes=%lld-\r\n", options->spread_bytes * index / options->connections);
  }
  const char *joint = connection->offset[0] == 0 ? "" : strchr(options->path, '?') == NULL ? "?offset=" : "&offset=";
  int length = snprintf(request, request_room, "%s %s%s%s%s HTTP/1.1\r\n%s%s\r\n",
                        options->post_bytes > 0 ? "POST" : "GET", options->path, number, joint, connection->offset,
                        fields, range);
  memcpy(request + length, body, (size_t)options->post_bytes);
  return (size_t)length + (size_t)options->post_bytes;
}

static void ask(struct connection *connection) {
  response_reset(&connection->response);
  connection->sent_at = now_ms();
  size_t length = write_request(connection);
  /* What is posted may be more than a socket takes at once. */
  for (size_t sent = 0; sent < length;) {
    ssize_t part = send(connection->fd, request + sent, length - sent, MSG_NOSIGNAL);
    struct pollfd writable = {.fd = connection->fd, .events = POLLOUT};
    if (part > 0) sent += (size_t)part;
    else if (part == 0 || errno != EAGAIN || poll(&writable, 1, SEND_MS) != 1) break;
    if (sent == length) return;
  }
  finish(connection, 0);
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

/* What is posted may be answered without a body, or as made. */
static int is_ok(int status) {
  if (options->post_bytes > 0) return status >= 200 && status < 300;
  return status == 200 || status == 206;
}

static void count_status(int status) {
  if (is_ok(status)) return;
  counts.not_ok++;
  counts.last_not_ok = status;
}

static void count_progress(struct connection *connection, long long bytes_before, long long markers_before) {
  const struct response *response = &connection->response;
  if (!connection->has_head && response->status != 0) {
    connection->has_head = 1;
    counts.unanswered--;
    counts.heads++;
    count_status(response->status);
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

/* Whether there is a next page, which is asked for then. */
static int next_page(struct connection *connection) {
  size_t length;
  const char *is_last = response_field(&connection->response, "stream-up-to-date", &length);
  const char *offset = response_field(&connection->response, "stream-next-offset", &length);
  if (is_last != NULL || offset == NULL || length >= OFFSET_BYTES) {
    connection->offset[0] = 0;
    return 0;
  }
  memcpy(connection->offset, offset, length);
  connection->offset[length] = 0;
  return 1;
}

static void end_response(struct connection *connection) {
  if (connection->response.state == BROKEN) {
    finish(connection, 0);
    return;
  }
  counts.completed++;
  /* The first was looked at when its head came: it may have no end. */
  if (connection->answered++ > 0) count_status(connection->response.status);
  if (counts.request_ms != NULL) counts.request_ms[counts.request_count++] = now_ms() - connection->sent_at;
  if (!options->pages || !next_page(connection)) connection->requests_left--;
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
