/* The reading connections: opened, asked, read, counted. One set per process. */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include <stdint.h>

#include "options.h"
#include "response.h"

/* A page's place, as a server names it. */
#define OFFSET_BYTES 256

struct connection {
  int fd, connected, finished, paused, may_pause, has_head, has_first_byte;
  int requests_left;
  int answered; /* responses that have ended */
  int received; /* events, with --rate */
  double asked_at; /* when it began to connect */
  double sent_at;  /* when it sent its last request */
  char offset[OFFSET_BYTES]; /* of the next page; empty at the first */
  struct response response;
};

struct counts {
  int unanswered, finished, failed, heads, paused, first_bytes; /* connections, this round */
  int completed, not_ok;                                        /* responses, all rounds */
  int last_not_ok;                                              /* its status */
  long long body_bytes, deliveries;
  double *first_byte_ms;
  long first_byte_count;
  double *request_ms; /* NULL unless --request-times */
  long request_count;
};

extern struct counts counts;
extern struct connection *connections;

void connections_prepare(const struct options *options, int epoll);
void connection_open(int index);

/* Its socket has `events` (epoll's). */
void connection_turn(struct connection *connection, uint32_t events);

/* The connection that a response is of. */
struct connection *connection_of(struct response *response);

/* One paced read on every connection. */
void connections_read_paced(void);

/* Closes what is open and starts the round's counts over. */
void connections_end_round(void);

#endif
