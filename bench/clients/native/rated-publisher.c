#define _GNU_SOURCE
#include "rated-publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deliveries.h"
#include "response.h"
#include "sockets.h"

struct link {
  int fd, open, awaiting;
  struct response response;
};

static struct link *links;
static const struct options *options;
static int epoll_fd, published, failed;
static double started_at;
static char *request;
static int request_length, number_at;

static void open_link(struct link *link) {
  link->open = link->awaiting = 0;
  link->fd = connect_local(epoll_fd, options->port, link, 0);
  if (link->fd < 0) failed = 1;
}

void rated_start(int epoll, const struct options *given) {
  options = given;
  epoll_fd = epoll;
  char *data = malloc((size_t)options->event_bytes + 1);
  memset(data, 'x', (size_t)options->event_bytes);
  data[0] = '~';
  data[options->event_bytes] = 0;
  request_length = asprintf(
    &request, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
    options->publish_path, options->port, options->event_bytes, data);
  number_at = request_length - options->event_bytes + 1;
  free(data);
  links = calloc((size_t)options->publishers, sizeof *links);
  for (int i = 0; i < options->publishers; i++) open_link(&links[i]);
  started_at = now_ms();
}

int rated_owns(const void *owner) {
  return links != NULL && owner >= (const void *)links && owner < (const void *)(links + options->publishers);
}

void rated_turn(void *owner) {
  struct link *link = owner;
  char buffer[8192];
  if (!link->open) {
    link->open = 1;
    watch(epoll_fd, link->fd, link, EPOLLIN);
    return;
  }
  ssize_t received = recv(link->fd, buffer, sizeof buffer, 0);
  if (received < 0) return;
  if (received == 0) {
    /* A server may close a connection that has been idle for long. */
    if (link->awaiting) failed = 1;
    close(link->fd);
    open_link(link);
    return;
  }
  response_feed(&link->response, buffer, (size_t)received, -1);
  if (link->response.state == BROKEN || link->response.status >= 300) failed = 1;
  if (link->response.state != COMPLETE) return;
  link->awaiting = 0;
  if (link->response.keeps_alive) return;
  /* Servers limit how often a connection may be asked. */
  close(link->fd);
  open_link(link);
}

/* On which connection the next one may go; -1 when none is free. */
static int free_link(void) {
  for (int i = 0; i < options->publishers; i++) {
    if (links[i].open && !links[i].awaiting) return i;
  }
  return -1;
}

void rated_send(void) {
  while (published < options->events && !failed) {
    double due_at = started_at + published * 1000.0 / options->rate;
    int index = free_link();
    if (now_ms() < due_at || index < 0) return;
    char number[NUMBER_DIGITS + 1];
    snprintf(number, sizeof number, "%0*d", NUMBER_DIGITS, published);
    memcpy(request + number_at, number, NUMBER_DIGITS);
    deliveries_sent(published, index, due_at);
    response_reset(&links[index].response);
    links[index].awaiting = 1;
    published++;
    ssize_t sent = send(links[index].fd, request, (size_t)request_length, MSG_NOSIGNAL);
    if (sent != request_length) failed = 1;
  }
}

int rated_published(void) {
  return published;
}

int rated_failed(void) {
  return failed;
}

double rated_started_at(void) {
  return started_at;
}
