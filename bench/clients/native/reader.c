/* An HTTP/1.1 client that costs little: many connections in one thread, nothing kept but counts.
   Prints {"ready":true} (with --hold or --publish) and, at the end, one JSON line of results. */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "connections.h"
#include "deliveries.h"
#include "options.h"
#include "publisher.h"
#include "rated-publisher.h"
#include "sockets.h"

/* Connections without an answer: fewer than servers let wait to be accepted (511 in Node). */
#define UNANSWERED_AT_ONCE 256
#define PACE_MS 10

static struct options options;
static struct publisher publisher;
static int epoll_fd, told, publishing;

static void take_turns(int timeout_ms) {
  struct epoll_event events[512];
  char told_bytes[64];
  int count = epoll_wait(epoll_fd, events, 512, timeout_ms);
  for (int i = 0; i < count; i++) {
    void *owner = events[i].data.ptr;
    if (owner == &publisher) {
      publisher_turn(&publisher);
    } else if (rated_owns(owner)) {
      rated_turn(owner);
    } else if (owner != NULL) {
      connection_turn(owner, events[i].events);
    } else {
      told = read(0, told_bytes, sizeof told_bytes) >= 0;
      epoll_ctl(epoll_fd, EPOLL_CTL_DEL, 0, NULL);
    }
  }
}

static int all_ready(void) {
  if (counts.heads + counts.failed < options.connections) return 0;
  return options.pause_after < 0 || counts.paused + counts.failed >= options.paused;
}

static void count_event(struct response *response, int number) {
  struct connection *connection = connection_of(response);
  if (!connection->may_pause) deliveries_take(connection->received++, number);
}

static int rated_is_over(void) {
  if (!publishing) {
    publishing = 1;
    rated_start(epoll_fd, &options);
  }
  rated_send();
  return rated_failed() || deliveries.out_of_order > 0 || deliveries.complete == options.events;
}

static int publishing_is_over(void) {
  if (!told) return 0;
  if (options.rate > 0) return rated_is_over();
  if (!publishing) {
    publishing = 1;
    publisher_start(&publisher, epoll_fd, &options);
  }
  publisher_delivered(&publisher, counts.deliveries, options.connections - options.paused);
  return publisher_finished(&publisher);
}

/* Returns 0 when the round ended by itself, 1 when time ran out. */
static int run_round(double deadline) {
  int opened = 0, said_ready = 0;
  double next_pace = 0, lingers_until = 0;
  for (;;) {
    while (opened < options.connections && counts.unanswered < UNANSWERED_AT_ONCE) connection_open(opened++);
    take_turns(options.pace_bytes > 0 || options.linger_ms >= 0 || (told && options.rate > 0) ? 1 : 100);
    double now = now_ms();
    if (options.pace_bytes > 0 && now >= next_pace) {
      next_pace = now + PACE_MS;
      connections_read_paced();
    }
    if ((options.hold || options.publish_path != NULL) && !said_ready && all_ready()) {
      said_ready = 1;
      puts("{\"ready\":true}");
      fflush(stdout);
    }
    if (options.publish_path != NULL) {
      if (publishing_is_over()) return 0;
    } else if (options.hold) {
      if (told) return 0;
    } else if (options.linger_ms >= 0) {
      if (lingers_until == 0 && counts.first_bytes + counts.failed >= options.connections) {
        lingers_until = now + (double)options.linger_ms;
      }
      if (lingers_until != 0 && now >= lingers_until) return 0;
    } else if (counts.finished + counts.paused >= options.connections) {
      return 0;
    }
    if (now >= deadline) return 1;
  }
}

static void print_numbers(const char *name, const double *values, long count) {
  printf(",\"%s\":[", name);
  for (long i = 0; i < count; i++) printf(i == 0 ? "%.3f" : ",%.3f", values[i]);
  printf("]");
}

static double cpu_ms(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

int main(int count, char **arguments) {
  options = parse_options(count, arguments);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  connections_prepare(&options, epoll_fd);
  if (options.hold || options.publish_path != NULL) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &event);
  }
  if (options.rate > 0) {
    deliveries_prepare(options.events, options.connections - options.paused);
    response_on_number(count_event);
  }
  double started = now_ms();
  int timed_out = 0;
  for (int round = 0; round < options.rounds && !timed_out; round++) {
    timed_out = run_round(started + (double)options.timeout_ms);
    connections_end_round();
  }
  printf("{\"timedOut\":%s,\"completed\":%d,\"failed\":%d,\"notOk\":%d,\"lastNotOk\":%d,\"bodyBytes\":%lld,\"deliveries\":%lld",
         timed_out ? "true" : "false", counts.completed, counts.failed, counts.not_ok,
         counts.last_not_ok, counts.body_bytes,
         counts.deliveries);
  int is_rated = options.rate > 0;
  int failed = is_rated ? rated_failed() : publisher.failed;
  printf(",\"published\":%d,\"publishFailed\":%s,\"wallMs\":%.3f,\"cpuMs\":%.3f",
         is_rated ? rated_published() : publisher.published, failed ? "true" : "false", now_ms() - started, cpu_ms());
  print_numbers("firstByteMs", counts.first_byte_ms, counts.first_byte_count);
  print_numbers("requestMs", counts.request_ms, counts.request_count);
  if (is_rated) {
    printf(",\"outOfOrder\":%d,\"publishingMs\":%.3f,\"deliveryP50Ms\":%.3f,\"deliveryP99Ms\":%.3f",
           deliveries.out_of_order, deliveries.last_at - rated_started_at(), deliveries_quantile(0.5),
           deliveries_quantile(0.99));
    print_numbers("lastReaderMs", deliveries.last_ms, deliveries.complete == options.events ? options.events : 0);
  } else {
    print_numbers("lastReaderMs", publisher.latencies_ms, publisher.latencies_ms == NULL ? 0 : publisher.delivered);
  }
  puts("}");
  return 0;
}
