#define _GNU_SOURCE
#include "response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void response_reset(struct response *response) {
  memset(response, 0, offsetof(struct response, head));
}

static void (*on_number)(struct response *response, int number);

void response_on_number(void (*taken)(struct response *response, int number)) {
  on_number = taken;
}

static void take_numbers(struct response *response, const char *bytes, size_t length, int marker) {
  const char *end = bytes + length;
  while (bytes < end) {
    if (response->digits_left == 0) {
      bytes = memchr(bytes, marker, (size_t)(end - bytes));
      if (bytes == NULL) return;
      bytes++;
      response->markers++;
      response->digits_left = NUMBER_DIGITS;
      response->number = 0;
    } else {
      response->number = response->number * 10 + (*bytes++ - '0');
      if (--response->digits_left == 0) on_number(response, response->number);
    }
  }
}

static void take_body(struct response *response, const char *bytes, size_t length, int marker) {
  response->body_bytes += (long long)length;
  if (marker < 0) return;
  if (on_number != NULL) {
    take_numbers(response, bytes, length, marker);
    return;
  }
  const char *end = bytes + length;
  while ((bytes = memchr(bytes, marker, (size_t)(end - bytes))) != NULL) {
    response->markers++;
    if (++bytes == end) break;
  }
}

static const char *field_value(const char *head, const char *name) {
  size_t length = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, length) == 0 && line[length] == ':') return line + length + 1;
  }
  return NULL;
}

const char *response_field(const struct response *response, const char *name, size_t *length) {
  const char *value = field_value(response->head, name);
  if (value == NULL) return NULL;
  value += strspn(value, " ");
  *length = strcspn(value, "\r");
  return value;
}

static int value_has(const char *value, const char *token) {
  if (value == NULL) return 0;
  const char *found = strcasestr(value, token);
  const char *end = strstr(value, "\r\n");
  return found != NULL && (end == NULL || found < end);
}

static void finish_head(struct response *response) {
  const char *head = response->head;
  response->status = strncmp(head, "HTTP/1.", 7) == 0 ? atoi(head + 9) : 0;
  response->keeps_alive = !value_has(field_value(head, "connection"), "close");
  const char *length = field_value(head, "content-length");
  if (response->status == 0) {
    response->state = BROKEN;
  } else if (response->status == 204 || response->status == 304) {
    response->state = COMPLETE;
  } else if (value_has(field_value(head, "transfer-encoding"), "chunked")) {
    response->state = IN_CHUNK_SIZE;
  } else if (length != NULL) {
    response->remaining = atoll(length);
    response->state = response->remaining == 0 ? COMPLETE : IN_SIZED_BODY;
  } else {
    response->keeps_alive = 0;
    response->state = IN_BODY_UNTIL_CLOSE;
  }
}

static size_t take_head(struct response *response, const char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (response->head_length >= HEAD_BYTES - 1) {
      response->state = BROKEN;
      return length;
    }
    response->head[response->head_length++] = bytes[i];
    if (bytes[i] == '\n' && response->head_length >= 4 &&
        memcmp(response->head + response->head_length - 4, "\r\n\r\n", 4) == 0) {
      response->head[response->head_length] = 0;
      finish_head(response);
      return i + 1;
    }
  }
  return length;
}

static int hex_digit(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

/* One character of the framing between chunks: a size line, the CRLF after a chunk, or the trailer section. */
static void take_framing(struct response *response, char character) {
  if (response->state == IN_CHUNK_SIZE) {
    int digit = hex_digit(character);
    if (digit >= 0) {
      response->remaining = response->remaining * 16 + digit;
      response->line_length++;
    } else if (character == '\n') {
      int empty = response->line_length == 0;
      response->state = empty ? BROKEN : response->remaining == 0 ? IN_TRAILER : IN_CHUNK;
      response->line_length = 0;
    } else if (character != '\r') {
      response->state = BROKEN; /* no server here sends chunk extensions */
    }
  } else if (response->state == AFTER_CHUNK) {
    if (character == '\n') response->state = IN_CHUNK_SIZE;
  } else if (character == '\n') {
    if (response->line_length == 0) response->state = COMPLETE;
    response->line_length = 0;
  } else if (character != '\r') {
    response->line_length++;
  }
}

void response_feed(struct response *response, const char *bytes, size_t length, int marker) {
  const char *end = bytes + length;
  while (bytes < end) {
    size_t available = (size_t)(end - bytes);
    switch (response->state) {
      case IN_HEAD:
        bytes += take_head(response, bytes, available);
        break;
      case IN_BODY_UNTIL_CLOSE:
        take_body(response, bytes, available, marker);
        return;
      case IN_SIZED_BODY:
      case IN_CHUNK: {
        size_t part = (long long)available > response->remaining ? (size_t)response->remaining : available;
        take_body(response, bytes, part, marker);
        bytes += part;
        response->remaining -= (long long)part;
        if (response->remaining == 0) response->state = response->state == IN_CHUNK ? AFTER_CHUNK : COMPLETE;
        break;
      }
      case COMPLETE:
        response->state = BROKEN; /* bytes after the end: the framing is wrong */
        return;
      case BROKEN:
        return;
      default:
        take_framing(response, *bytes++);
    }
  }
}

void response_skip(struct response *response, size_t length) {
  response->body_bytes += (long long)length;
  response->remaining -= (long long)length;
  if (response->remaining == 0) response->state = COMPLETE;
}

void response_closed(struct response *response) {
  if (response->state == COMPLETE) return;
  response->state = response->state == IN_BODY_UNTIL_CLOSE ? COMPLETE : BROKEN;
}
