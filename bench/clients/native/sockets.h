/* The few socket calls the reader and the publisher share. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stdint.h>

double now_ms(void);

/* Opens a non-blocking connection to 127.0.0.1 and adds it to `epoll`; -1 when it can't.
   A `small` one has a receive buffer of 64 KiB and the segment size of an Ethernet: on loopback, where segments have
   64 KiB, the kernel would otherwise take several MiB for a reader that reads nothing. */
int connect_local(int epoll, int port, void *owner, int small);

void watch(int epoll, int fd, void *owner, uint32_t events);

#endif
