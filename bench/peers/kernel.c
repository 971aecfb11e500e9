/* Not a peer but the floor under all of them: the same chunks from a C program that does nothing but write them.
   What it takes is what the kernel takes to move the bytes. One connection after another, on 127.0.0.1:$PORT. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK_BYTES (64 * 1024)

static char chunk[CHUNK_BYTES];

static int send_all(int fd, struct iovec *parts, int count) {
  while (count > 0) {
    ssize_t sent = writev(fd, parts, count);
    if (sent < 0) return -1;
    for (; count > 0 && (size_t)sent >= parts->iov_len; parts++, count--) sent -= (ssize_t)parts->iov_len;
    if (count > 0) {
      parts->iov_base = (char *)parts->iov_base + sent;
      parts->iov_len -= (size_t)sent;
    }
  }
  return 0;
}

static int send_text(int fd, const char *text) {
  struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
  return send_all(fd, &part, 1);
}

static void answer(int fd, const char *request) {
  const char *count = strstr(request, "count=");
  char *size = "10000\r\n";
  if (count == NULL || send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") < 0) return;
  for (long left = atol(count + 6); left > 0; left--) {
    struct iovec parts[] = {{size, strlen(size)}, {chunk, CHUNK_BYTES}, {"\r\n", 2}};
    if (send_all(fd, parts, 3) < 0) return;
  }
  send_text(fd, "0\r\n\r\n");
}

int main(void) {
  const char *text = "sluice benchmark ", *port = getenv("PORT");
  for (size_t i = 0; i < CHUNK_BYTES; i++) chunk[i] = text[i % strlen(text)];
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port == NULL ? "0" : port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0) return 1;
  for (;;) {
    char request[4096];
    ssize_t length;
    int fd = accept(listener, NULL, NULL);
    /* The client asks again when it has the whole answer, and sends each request at once. */
    while (fd >= 0 && (length = recv(fd, request, sizeof request - 1, 0)) > 0) {
      request[length] = 0;
      answer(fd, request);
    }
    if (fd >= 0) close(fd);
  }
}
