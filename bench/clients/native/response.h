/* An HTTP/1.1 response, parsed as it arrives: status line, framing and body. Nothing is kept of the body. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stddef.h>

#define HEAD_BYTES 4096

enum response_state {
  IN_HEAD,
  IN_SIZED_BODY,
  IN_CHUNK_SIZE,
  IN_CHUNK,
  AFTER_CHUNK,
  IN_TRAILER,
  IN_BODY_UNTIL_CLOSE,
  COMPLETE,
  BROKEN
};

struct response {
  enum response_state state;
  int status;
  int keeps_alive;
  size_t head_length;
  size_t line_length;
  long long remaining;
  long long body_bytes;
  long long markers;
  int digits_left; /* of the number behind a marker */
  int number;
  char head[HEAD_BYTES];
};

void response_reset(struct response *response);

/* Behind each marker there is a number of so many digits. */
#define NUMBER_DIGITS 8

/* Calls with each number behind a marker, from now on. */
void response_on_number(void (*taken)(struct response *response, int number));

/* Feeds `length` received bytes. Counts body bytes, and those equal to `marker` unless that is -1. */
void response_feed(struct response *response, const char *bytes, size_t length, int marker);

/* The same for `length` bytes of a body of known length that were received but not looked at. */
void response_skip(struct response *response, size_t length);

/* The value of a field of the head, up to the line's end; NULL where it is not there. */
const char *response_field(const struct response *response, const char *name, size_t *length);

/* The peer closed: completes a close-delimited body, breaks any other that is unfinished. */
void response_closed(struct response *response);

#endif
