/* What became of events that are sent at a rate: whether each reader has had all of them, in the same order as every
   other, and how long that took. */
#ifndef DELIVERIES_H
#define DELIVERIES_H

struct deliveries {
  int events, readers;
  int complete;        /* events that all readers have */
  int out_of_order;    /* deliveries that were repeated, unknown, or in another place than at another reader */
  double *due_at;      /* of each event, in ms */
  double *last_ms;     /* from when it was due until its last reader had it */
  double last_at;      /* when the last delivery was */
};

extern struct deliveries deliveries;

void deliveries_prepare(int events, int readers);

/* An event is sent on one of the connections: those of one have to come in their order. */
void deliveries_sent(int event, int publisher, double due_at);

/* A reader has one more. `place`: how many it had before. */
void deliveries_take(int place, int event);

/* The time below which `share` of the deliveries were, in ms. */
double deliveries_quantile(double share);

#endif
