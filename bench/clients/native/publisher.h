/* Publishes events one POST at a time, never more than `window` ahead of what every reader has received. */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include "options.h"
#include "response.h"

struct publisher {
  int epoll;
  int fd;
  int open;
  int awaiting;
  int failed;
  int published;
  int delivered; /* events every reader has */
  double sent_at;
  double *latencies_ms; /* from an event's POST to its last reader; only with a window of 1 */
  char *request;
  int request_length;
  const struct options *options;
  struct response response;
};

void publisher_start(struct publisher *publisher, int epoll, const struct options *options);

/* Its socket has something: connected, or the answer to a POST. */
void publisher_turn(struct publisher *publisher);

/* Tells how many deliveries readers have counted together; sends the next event when the window allows. */
void publisher_delivered(struct publisher *publisher, long long deliveries, int readers);

int publisher_finished(const struct publisher *publisher);

#endif
