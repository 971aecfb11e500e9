#define _GNU_SOURCE
#include "publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"

static void open_connection(struct publisher *publisher) {
  publisher->open = 0;
  publisher->fd = connect_local(publisher->epoll, publisher->options->port, publisher, 0);
  if (publisher->fd < 0) publisher->failed = 1;
}

void publisher_start(struct publisher *publisher, int epoll, const struct options *options) {
  memset(publisher, 0, sizeof *publisher);
  publisher->epoll = epoll;
  publisher->options = options;
  publisher->latencies_ms = calloc((size_t)options->events + 1, sizeof(double));
  char *data = malloc((size_t)options->event_bytes + 1);
  memset(data, 'x', (size_t)options->event_bytes);
  data[0] = '~';
  data[options->event_bytes] = 0;
  publisher->request_length = asprintf(
    &publisher->request,
    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
    options->publish_path, options->port, options->event_bytes, data);
  free(data);
  open_connection(publisher);
}

static void send_next(struct publisher *publisher) {
  if (!publisher->open || publisher->awaiting || publisher->failed) return;
  if (publisher->published == publisher->options->events) return;
  if (publisher->published - publisher->delivered >= publisher->options->window) return;
  response_reset(&publisher->response);
  publisher->sent_at = now_ms();
  publisher->awaiting = 1;
  publisher->published++;
  ssize_t sent = send(publisher->fd, publisher->request, (size_t)publisher->request_length, MSG_NOSIGNAL);
  if (sent != publisher->request_length) publisher->failed = 1;
}

void publisher_turn(struct publisher *publisher) {
  char buffer[8192];
  if (!publisher->open) {
    publisher->open = 1;
    watch(publisher->epoll, publisher->fd, publisher, EPOLLIN);
  } else {
    ssize_t received = recv(publisher->fd, buffer, sizeof buffer, 0);
    if (received < 0) return;
    if (received == 0) publisher->failed = 1;
    response_feed(&publisher->response, buffer, (size_t)received, -1);
    if (publisher->response.state == BROKEN || publisher->response.status >= 300) publisher->failed = 1;
    if (publisher->response.state == COMPLETE) {
      publisher->awaiting = 0;
      if (!publisher->response.keeps_alive) {
        /* Servers limit how often a connection may be asked. */
        close(publisher->fd);
        open_connection(publisher);
      }
    }
  }
  send_next(publisher);
}

void publisher_delivered(struct publisher *publisher, long long deliveries, int readers) {
  int delivered = readers > 0 ? (int)(deliveries / readers) : 0;
  if (delivered > publisher->delivered) {
    publisher->delivered = delivered;
    publisher->latencies_ms[delivered - 1] = now_ms() - publisher->sent_at;
  }
  send_next(publisher);
}

int publisher_finished(const struct publisher *publisher) {
  if (publisher->failed) return 1;
  return !publisher->awaiting && publisher->delivered >= publisher->options->events;
}
