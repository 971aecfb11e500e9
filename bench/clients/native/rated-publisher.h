/* Publishes numbered events at a rate, on several connections, whoever has received them. */
#ifndef RATED_PUBLISHER_H
#define RATED_PUBLISHER_H

#include "options.h"

void rated_start(int epoll, const struct options *options);

/* Whether epoll's `owner` is one of its connections. */
int rated_owns(const void *owner);

/* A connection has something: it is open, or there is the answer to a POST. */
void rated_turn(void *owner);

/* Sends what is due. */
void rated_send(void);

int rated_published(void);
int rated_failed(void);

/* In ms, of the first event. */
double rated_started_at(void);

#endif
