/* The cases of cases.ts in C. Prints the nanoseconds of the named mechanisms as one JSON object. */

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define TOTAL 10000
#define SELECT_TOTAL 900
#define LEAST_SECONDS 0.2

static int fds[TOTAL], fd, waker;
static int data[TOTAL + 64]; /* by descriptor: what is kept beside each */
static volatile long sum;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void measure(const char *name, void (*body)(void)) {
  static int printed;
  for (long times = 1;; times *= 2) {
    double start = now();
    for (long i = 0; i < times; i++) body();
    double seconds = now() - start;
    if (seconds < LEAST_SECONDS) continue;
    printf("%s\"%s\": %.2f", printed++ ? ", " : "{", name, seconds / times * 1e9);
    return;
  }
}

static void measure_ready(const char *mechanism, int ready, int total, void (*body)(void)) {
  char name[64];
  snprintf(name, sizeof name, "%s: select(0), %d ready of %d", mechanism, ready, total);
  measure(name, body);
  sum = 0;
  body();
  if (sum != (long)ready * (ready - 1) / 2) {
    fprintf(stderr, "micro: %s: not what is ready\n", name);
    exit(1);
  }
}

static void modify_data(void) {
  static int count;
  *(volatile int *)&data[fd] = count++;
}

/* epoll */

static int epfd;
static struct epoll_event events[TOTAL + 1];

static void epoll_register(void) {
  struct epoll_event event = {EPOLLIN, {.fd = fd}};
  epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
  epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
}

static void epoll_modify(void) {
  static struct epoll_event event = {EPOLLIN, {0}};
  event.events ^= EPOLLIN | EPOLLOUT;
  event.data.fd = fd;
  epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &event);
}

static void epoll_select(void) {
  int count = epoll_wait(epfd, events, TOTAL + 1, 0);
  for (int i = 0; i < count; i++) sum += data[events[i].data.fd];
}

static void epoll_wakeup(void) {
  uint64_t one = 1;
  if (write(waker, &one, sizeof one) == -1) abort();
  epoll_wait(epfd, events, TOTAL + 1, -1);
  if (read(waker, &one, sizeof one) == -1) abort();
}

static void epoll_cases(void) {
  epfd = epoll_create1(0);
  measure("epoll: register, unregister", epoll_register);
  struct epoll_event event = {EPOLLIN, {.fd = fd}};
  epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
  measure("epoll: modify data", modify_data);
  measure("epoll: modify events", epoll_modify);
  close(epfd);
  for (int ready = 0; ready <= TOTAL; ready = ready == 0 ? 1 : ready * 100) {
    epfd = epoll_create1(0);
    for (int i = 0; i < TOTAL; i++) {
      struct epoll_event event = {i < ready ? EPOLLOUT : EPOLLIN, {.fd = fds[i]}};
      epoll_ctl(epfd, EPOLL_CTL_ADD, fds[i], &event);
    }
    measure_ready("epoll", ready, TOTAL, epoll_select);
    close(epfd);
  }
  epfd = epoll_create1(0);
  event.data.fd = waker;
  epoll_ctl(epfd, EPOLL_CTL_ADD, waker, &event);
  measure("epoll: wakeup, select", epoll_wakeup);
  close(epfd);
}

/* poll */

static struct pollfd pollfds[TOTAL + 1];
static int polled;

static void poll_register(void) {
  pollfds[polled++] = (struct pollfd){fd, POLLIN, 0};
  polled--;
  *(volatile int *)&pollfds[polled].fd = -1;
}

static void poll_modify(void) {
  *(volatile short *)&pollfds[0].events ^= POLLIN | POLLOUT;
}

static void poll_select(void) {
  int count = poll(pollfds, polled, 0);
  for (int i = 0; count > 0; i++) {
    if (pollfds[i].revents == 0) continue;
    count--;
    sum += data[pollfds[i].fd];
  }
}

static void poll_wakeup(void) {
  uint64_t one = 1;
  if (write(waker, &one, sizeof one) == -1) abort();
  poll(pollfds, polled, -1);
  if (read(waker, &one, sizeof one) == -1) abort();
}

static void poll_cases(void) {
  measure("poll: register, unregister", poll_register);
  measure("poll: modify data", modify_data);
  measure("poll: modify events", poll_modify);
  for (int ready = 0; ready <= TOTAL; ready = ready == 0 ? 1 : ready * 100) {
    for (polled = 0; polled < TOTAL; polled++) {
      pollfds[polled] = (struct pollfd){fds[polled], polled < ready ? POLLOUT : POLLIN, 0};
    }
    measure_ready("poll", ready, TOTAL, poll_select);
  }
  pollfds[0] = (struct pollfd){waker, POLLIN, 0};
  polled = 1;
  measure("poll: wakeup, select", poll_wakeup);
}

/* select */

static fd_set reading, writing;
static int nfds;

static void select_register(void) {
  FD_SET(fd, &reading);
  __asm__ volatile("" : : "r"(&reading) : "memory"); /* keeps the two from being one */
  FD_CLR(fd, &reading);
}

static void select_modify(void) {
  static int odd;
  FD_CLR(fd, odd ? &reading : &writing);
  FD_SET(fd, odd ? &writing : &reading);
  odd = !odd;
}

static void select_select(void) {
  fd_set read = reading, write = writing;
  struct timeval timeout = {0, 0};
  int count = select(nfds, &read, &write, NULL, &timeout);
  for (int fd = 0; count > 0; fd++) {
    if (!FD_ISSET(fd, &read) && !FD_ISSET(fd, &write)) continue;
    count--;
    sum += data[fd];
  }
}

static void select_wakeup(void) {
  uint64_t one = 1;
  fd_set read_set = reading;
  if (write(waker, &one, sizeof one) == -1) abort();
  select(waker + 1, &read_set, NULL, NULL, NULL);
  if (read(waker, &one, sizeof one) == -1) abort();
}

static void select_cases(void) {
  measure("select: register, unregister", select_register);
  measure("select: modify data", modify_data);
  measure("select: modify events", select_modify);
  nfds = fds[SELECT_TOTAL - 1] + 1;
  int counts[] = {0, 1, 100, SELECT_TOTAL};
  for (int at = 0; at < 4; at++) {
    FD_ZERO(&reading);
    FD_ZERO(&writing);
    for (int i = 0; i < SELECT_TOTAL; i++) FD_SET(fds[i], i < counts[at] ? &writing : &reading);
    measure_ready("select", counts[at], SELECT_TOTAL, select_select);
  }
  FD_ZERO(&reading);
  FD_SET(waker, &reading);
  measure("select: wakeup, select", select_wakeup);
}

int main(int count, char **mechanisms) {
  fd = eventfd(0, 0);
  waker = eventfd(0, 0);
  for (int i = 0; i < TOTAL; i++) {
    fds[i] = eventfd(0, 0);
    if (fds[i] == -1) return perror("micro: eventfd"), 1;
    data[fds[i]] = i;
  }
  for (int at = 1; at < count; at++) {
    if (strcmp(mechanisms[at], "epoll") == 0) epoll_cases();
    if (strcmp(mechanisms[at], "poll") == 0) poll_cases();
    if (strcmp(mechanisms[at], "select") == 0) select_cases();
  }
  puts("}");
}
