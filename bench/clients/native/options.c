#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static void usage(void) {
  fputs("reader --port N --path PATH [--header 'Name: value']... [--connections N] [--requests N]\n"
        "  --requests N      requests one after another on each connection (1)\n"
        "  --rounds N        open all connections N times over (1)\n"
        "  --linger-ms N     a round ends so long after every connection had its first body byte\n"
        "  --pace-bytes N    read at most so much per connection every 10 ms\n"
        "  --pause-after N   stop reading after N body bytes, --paused K: only the first K connections (all)\n"
        "  --leave-after N   leave after N body bytes, which counts as the end: of a body that has none yet\n"
        "  --spread-bytes N  ask for ranges: connection I of C from byte I * N / C on\n"
        "  --hold            say when every head is in (and --pause-after is reached), stay until stdin speaks\n"
        "  --request-times   report how long each whole response took, from asking for it\n"
        "  --copy-bodies     copy what is received, as a program that uses it would; else the kernel drops bodies of a\n"
        "                    known length, which costs the client next to nothing\n"
        "  --post-bytes N    POST bodies of N bytes instead of asking by GET\n"
        "  --paths N         connection I asks for PATH with I mod N behind it\n"
        "  --pages           follow Stream-Next-Offset from answer to answer, until one has Stream-Up-To-Date\n"
        "  --publish PATH --events N --event-bytes N --window N\n"
        "                    when stdin speaks, POST events to PATH, at most --window of them not yet delivered;\n"
        "                    readers count '~' as deliveries\n"
        "  --rate N          POST so many events a second instead, whoever has them, on --publishers N connections (1);\n"
        "                    each has its number, by which readers know whether all have come, in the same order to all\n"
        "  --timeout-ms N    give up (60000)\n",
        stderr);
  exit(2);
}

struct options parse_options(int count, char **arguments) {
  struct options options = {
    .path = "/", .connections = 1, .requests = 1, .rounds = 1, .linger_ms = -1, .pause_after = -1, .leave_after = -1,
    .event_bytes = 100, .window = 1, .publishers = 1, .timeout_ms = 60000,
  };
  enum { PORT = 1, PATH, HEADER, CONNECTIONS, REQUESTS, ROUNDS, LINGER, PACE, PAUSE_AFTER, PAUSED, LEAVE_AFTER,
         SPREAD_BYTES, HOLD, REQUEST_TIMES, COPY_BODIES, POST_BYTES, PATHS, PAGES, PUBLISH, EVENTS, EVENT_BYTES,
         WINDOW, RATE, PUBLISHERS, TIMEOUT };
  static const struct option names[] = {
    {"port", 1, NULL, PORT}, {"path", 1, NULL, PATH}, {"header", 1, NULL, HEADER},
    {"connections", 1, NULL, CONNECTIONS}, {"requests", 1, NULL, REQUESTS}, {"rounds", 1, NULL, ROUNDS},
    {"linger-ms", 1, NULL, LINGER}, {"pace-bytes", 1, NULL, PACE}, {"pause-after", 1, NULL, PAUSE_AFTER},
    {"paused", 1, NULL, PAUSED}, {"leave-after", 1, NULL, LEAVE_AFTER},
    {"spread-bytes", 1, NULL, SPREAD_BYTES}, {"hold", 0, NULL, HOLD}, {"request-times", 0, NULL, REQUEST_TIMES},
    {"copy-bodies", 0, NULL, COPY_BODIES}, {"post-bytes", 1, NULL, POST_BYTES}, {"paths", 1, NULL, PATHS},
    {"pages", 0, NULL, PAGES}, {"publish", 1, NULL, PUBLISH}, {"events", 1, NULL, EVENTS},
    {"event-bytes", 1, NULL, EVENT_BYTES}, {"window", 1, NULL, WINDOW}, {"rate", 1, NULL, RATE},
    {"publishers", 1, NULL, PUBLISHERS}, {"timeout-ms", 1, NULL, TIMEOUT}, {NULL, 0, NULL, 0},
  };
  int name;
  while ((name = getopt_long(count, arguments, "", names, NULL)) != -1) {
    switch (name) {
      case PORT: options.port = atoi(optarg); break;
      case PATH: options.path = optarg; break;
      case HEADER:
        if (options.header_count == MAX_HEADERS) usage();
        options.headers[options.header_count++] = optarg;
        break;
      case CONNECTIONS: options.connections = atoi(optarg); break;
      case REQUESTS: options.requests = atoi(optarg); break;
      case ROUNDS: options.rounds = atoi(optarg); break;
      case LINGER: options.linger_ms = atol(optarg); break;
      case PACE: options.pace_bytes = atol(optarg); break;
      case PAUSE_AFTER: options.pause_after = atoll(optarg); break;
      case PAUSED: options.paused = atoi(optarg); break;
      case LEAVE_AFTER: options.leave_after = atoll(optarg); break;
      case SPREAD_BYTES: options.spread_bytes = atoll(optarg); break;
      case HOLD: options.hold = 1; break;
      case REQUEST_TIMES: options.request_times = 1; break;
      case COPY_BODIES: options.copy_bodies = 1; break;
      case POST_BYTES: options.post_bytes = atol(optarg); break;
      case PATHS: options.paths = atoi(optarg); break;
      case PAGES: options.pages = 1; break;
      case PUBLISH: options.publish_path = optarg; break;
      case EVENTS: options.events = atoi(optarg); break;
      case EVENT_BYTES: options.event_bytes = atoi(optarg); break;
      case WINDOW: options.window = atoi(optarg); break;
      case RATE: options.rate = atof(optarg); break;
      case PUBLISHERS: options.publishers = atoi(optarg); break;
      case TIMEOUT: options.timeout_ms = atol(optarg); break;
      default: usage();
    }
  }
  if (options.port == 0 || optind != count) usage();
  if (options.pause_after >= 0 && options.paused == 0) options.paused = options.connections;
  return options;
}
