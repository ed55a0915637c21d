/*
 * Shows without Deno where libkqueue 2.7 on Linux differs from kqueue(2):
 * `LIBKQUEUE=path kqueue.sh facts`. Prints "as kqueue(2)" or "differs".
 */
#define _GNU_SOURCE
#include "kqueue.h"

#include <dirent.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int (*kqueue_)(void);
static int (*kevent_)(int, const struct kevent *, int, struct kevent *, int, const struct timespec *);
static const struct timespec nothing;

static void tell(const char *what, int as_documented, long result) {
  printf("%-12s  %s: %ld\n", as_documented ? "as kqueue(2)" : "differs", what, result);
}

static int add(int kq, int fd, int16_t filter, uint16_t flags) {
  struct kevent change = {.ident = (uint64_t)fd, .filter = filter, .flags = EV_ADD | flags};
  return kevent_(kq, &change, 1, NULL, 0, &nothing);
}

static int look(int kq, struct kevent *events, int room) { return kevent_(kq, NULL, 0, events, room, &nothing); }

static long descriptors(void) {
  long count = 0;
  DIR *open = opendir("/proc/self/fd");
  while (readdir(open) != NULL) count++;
  closedir(open);
  return count;
}

/* A connection over loopback, reset by its peer. */
static int reset_connection(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  struct linger at_once = {1, 0};
  int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(server, (struct sockaddr *)&address, length) || listen(server, 1)) abort();
  getsockname(server, (struct sockaddr *)&address, &length);
  if (connect(client, (struct sockaddr *)&address, length)) abort();
  int connection = accept(server, NULL, NULL);
  setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(client);
  close(server);
  return connection;
}

int main(int argc, char **argv) {
  void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (library == NULL) return fprintf(stderr, "usage: %s LIBRARY\n", argv[0]), 2;
  *(void **)&kqueue_ = dlsym(library, "kqueue");
  *(void **)&kevent_ = dlsym(library, "kevent");
  static struct kevent events[1000];
  int pair[2], kq = kqueue_(), error = 0;
  socklen_t length = sizeof error;

  int connection = reset_connection();
  add(kq, connection, EVFILT_READ, 0);
  look(kq, events, 2);
  getsockopt(connection, SOL_SOCKET, SO_ERROR, &error, &length);
  tell("the error of a reset socket, after its event", error != 0, error);
  close(kq);

  kq = kqueue_();
  struct rlimit limit = {2000, 2000};
  setrlimit(RLIMIT_NOFILE, &limit);
  for (int i = 0; i < 600; i++) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) add(kq, pair[0], EVFILT_WRITE, 0);
  }
  int count = look(kq, events, 1000);
  tell("events of 600 ready descriptors, with room for 1000", count == 600, count);
  close(kq);

  kq = kqueue_();
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  add(kq, pair[0], EVFILT_READ, EV_CLEAR);
  add(kq, pair[0], EVFILT_WRITE, EV_CLEAR);
  look(kq, events, 4);
  if (write(pair[1], "x", 1) != 1) abort();
  count = look(kq, events, 4);
  tell("EV_CLEAR filters that report when one has changed", count == 1, count);

  struct pollfd queue = {.fd = kq, .events = POLLIN};
  if (write(pair[1], "x", 1) != 1) abort();
  tell("poll() on a queue with an event", poll(&queue, 1, 0) == 1, poll(&queue, 1, 0));
  int outer = kqueue_();
  count = add(outer, kq, EVFILT_READ, 0) == -1 ? -1 : look(outer, events, 4);
  tell("a queue on another queue", count == 1, count);
  close(outer);
  close(kq);

  kq = kqueue_();
  int copy = dup(pair[0]);
  add(kq, copy, EVFILT_READ, 0);
  close(copy);
  count = look(kq, events, 4);
  tell("events of a closed descriptor with a duplicate", count == 0, count);
  close(kq);

  long before = descriptors();
  for (int i = 0; i < 100; i++) {
    kq = kqueue_();
    add(kq, pair[0], EVFILT_READ, 0);
    close(kq);
  }
  tell("descriptors more after 100 queues", descriptors() == before, descriptors() - before);

  kq = kqueue_();
  count = add(kq, pair[0], EVFILT_EXCEPT, 0);
  tell("EVFILT_EXCEPT, which is macOS' own", count == 0, count);
  return 0;
}
