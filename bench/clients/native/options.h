/* What one run of the reader does; see usage() for each option. */
#ifndef OPTIONS_H
#define OPTIONS_H

#define MAX_HEADERS 8

struct options {
  int port;
  const char *path;
  const char *headers[MAX_HEADERS];
  int header_count;
  int connections;
  int requests;
  int rounds;
  long linger_ms; /* -1: a round ends when its responses do */
  long pace_bytes; /* 0: read as fast as it comes */
  long long pause_after; /* -1: never stop reading */
  int paused;
  long long leave_after; /* -1: read to the end */
  long long spread_bytes; /* 0: everybody from the first byte */
  int hold;
  int request_times;
  int copy_bodies;
  long post_bytes; /* 0: GET */
  int paths; /* 0: one path for all */
  int pages;
  const char *publish_path;
  int events;
  int event_bytes;
  int window;
  double rate; /* events per second; 0: as fast as readers have them */
  int publishers;
  long timeout_ms;
};

struct options parse_options(int count, char **arguments);

#endif
