#include "deliveries.h"

#include <stdlib.h>

#include "sockets.h"

/* Times are counted in steps of 50 µs, up to a minute. */
#define STEPS_PER_MS 20
#define STEPS (60 * 1000 * STEPS_PER_MS)

struct deliveries deliveries;

/* The event at each place: as the first reader to come there has it. */
static int *order, places;
/* By event: how many readers have it, and on which connection it was sent (-1: not yet). */
static int *received_by, *publisher_of;
/* By connection: the last of its events that has a place. */
static int *last_of;
static int publisher_count;
static long steps[STEPS + 1], taken;

void deliveries_prepare(int events, int readers) {
  size_t count = (size_t)events;
  deliveries.events = events;
  deliveries.readers = readers;
  deliveries.due_at = calloc(count, sizeof(double));
  deliveries.last_ms = calloc(count, sizeof(double));
  order = calloc(count, sizeof(int));
  received_by = calloc(count, sizeof(int));
  publisher_of = malloc(count * sizeof(int));
  for (int i = 0; i < events; i++) publisher_of[i] = -1;
}

void deliveries_sent(int event, int publisher, double due_at) {
  if (publisher >= publisher_count) {
    last_of = realloc(last_of, (size_t)(publisher + 1) * sizeof(int));
    while (publisher_count <= publisher) last_of[publisher_count++] = -1;
  }
  publisher_of[event] = publisher;
  deliveries.due_at[event] = due_at;
}

/* Whether `event` may come next. */
static int may_follow(int event) {
  return received_by[event] == 0 && last_of[publisher_of[event]] < event;
}

void deliveries_take(int place, int event) {
  int is_known = event >= 0 && event < deliveries.events && publisher_of[event] >= 0;
  if (!is_known || place >= deliveries.events || (place == places && !may_follow(event))) {
    deliveries.out_of_order++;
    return;
  }
  if (place == places) {
    order[places++] = event;
    last_of[publisher_of[event]] = event;
  } else if (order[place] != event) {
    deliveries.out_of_order++;
    return;
  }
  deliveries.last_at = now_ms();
  double ms = deliveries.last_at - deliveries.due_at[event];
  int step = (int)(ms * STEPS_PER_MS);
  steps[step < 0 ? 0 : step > STEPS ? STEPS : step]++;
  taken++;
  if (++received_by[event] == deliveries.readers) {
    deliveries.last_ms[event] = ms;
    deliveries.complete++;
  }
}

double deliveries_quantile(double share) {
  long wanted = (long)(share * (double)taken + 0.5), seen = 0;
  for (int step = 0; step <= STEPS; step++) {
    seen += steps[step];
    if (seen >= wanted && seen > 0) return (double)(step + 1) / STEPS_PER_MS;
  }
  return 0;
}
