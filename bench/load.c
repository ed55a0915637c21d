/*
 * The load of the echo benchmark. It keeps an echo server busy over CONNECTIONS connections,
 * compares every byte that comes back with what was sent, and prints its measurements as one line
 * of JSON. It is one edge-triggered epoll loop, so that it costs about as little as the server that
 * it measures.
 *
 * Workloads: "messages" has WINDOW messages under way on each connection, and sends the next one as
 * soon as one is back. "churn" opens a new connection for each message. IDLE more connections are
 * open and idle.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PERIOD 251 /* of the bytes that are sent; a prime, so that any shift of them is detected */
#define LONGEST_MESSAGE (1 << 20)
#define LARGEST_WINDOW 4
#define MOST_OPENING 64 /* connections without a first answer: fewer than any server's backlog */
#define STUCK 10 /* seconds without an answer */

struct connection {
  int fd;
  uint32_t shift; /* where in the pattern it starts, so that connections send different bytes */
  uint64_t sent;
  uint64_t received;
  double started[LARGEST_WINDOW]; /* by the message's number */
};

struct usage {
  double cpu, user, system; /* seconds */
  long resident; /* bytes */
};

static struct {
  int port, server, connections, idle, size, window, pause;
  int churn;
  double warmup, seconds;
} options;

static enum { OPENING, WARMING_UP, MEASURING } phase;
static char pattern[LONGEST_MESSAGE + PERIOD];
static char buffer[LONGEST_MESSAGE];
static int epfd;
static int answered; /* connections that have been answered once */
static uint32_t *latencies; /* nanoseconds */
static size_t messages, room;

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "failed");
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void record(double seconds) {
  if (messages == room) {
    room = room ? room * 2 : 1 << 20;
    latencies = realloc(latencies, room * sizeof *latencies);
    if (!latencies) fail("realloc");
  }
  double nanoseconds = seconds * 1e9;
  latencies[messages++] = nanoseconds < UINT32_MAX ? nanoseconds : UINT32_MAX;
}

/* Sends as much as the window allows and the kernel accepts. */
static void pump(struct connection *connection, int window) {
  while (1) {
    uint64_t number = connection->sent / options.size;
    size_t begun = connection->sent % options.size;
    if (begun == 0) {
      if (number - connection->received / options.size >= (uint64_t)window) return;
      if (!options.churn) connection->started[number % LARGEST_WINDOW] = now();
    }
    const char *data = pattern + (connection->sent + connection->shift) % PERIOD;
    ssize_t sent = send(connection->fd, data, options.size - begun, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == -1 && errno == EAGAIN) return;
    if (sent == -1) fail("send");
    connection->sent += sent;
  }
}

static void start(struct connection *connection) {
  static uint32_t count;
  connection->started[0] = now();
  connection->sent = connection->received = 0;
  connection->shift = count % PERIOD;
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd == -1) fail("socket");

  /*
   * Each connection comes from another address than the one before: closed connections linger in
   * TIME_WAIT, and the ports of a single address would run out.
   */
  int on = 1;
  struct sockaddr_in source = {AF_INET, 0, {htonl(0x7f000002 + count++ % 200)}, {0}};
  struct sockaddr_in server = {AF_INET, htons(options.port), {htonl(INADDR_LOOPBACK)}, {0}};
  setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(connection->fd, (struct sockaddr *)&source, sizeof source) == -1) fail("bind");
  if (connect(connection->fd, (struct sockaddr *)&server, sizeof server) == -1) fail("connect");

  struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = connection}};
  if (epoll_ctl(epfd, EPOLL_CTL_ADD, connection->fd, &event) == -1) fail("epoll_ctl");
  pump(connection, 1);
}

static void finish(struct connection *connection, uint64_t number) {
  if (number == 0) answered++;
  if (phase == MEASURING) record(now() - connection->started[number % LARGEST_WINDOW]);
  if (!options.churn || phase == OPENING) return;
  close(connection->fd);
  start(connection);
}

/* Receives until a read is short, which means that nothing is left. epoll(7), "Questions" 9 */
static void receive(struct connection *connection) {
  ssize_t count;
  do {
    count = recv(connection->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count == -1 && errno == EAGAIN) return;
    if (count == -1) fail("recv");
    if (count == 0) errno = 0, fail("the server closed a connection");
    const char *expected = pattern + (connection->received + connection->shift) % PERIOD;
    if (memcmp(buffer, expected, count)) errno = 0, fail("what came back is not what was sent");

    uint64_t number = connection->received / options.size;
    connection->received += count;
    if (connection->received > connection->sent) errno = 0, fail("more came back than was sent");
    for (uint64_t end = connection->received / options.size; number < end; number++) {
      finish(connection, number);
      if (options.churn) return;
    }
  } while (count == sizeof buffer);
}

/* Handles ready connections until a time, or until `wanted` connections were answered. */
static void serve(struct connection *all, double until, int wanted) {
  struct epoll_event events[1024];
  double progress = now();
  while (now() < until && answered < wanted) {
    int count = epoll_wait(epfd, events, 1024, 100);
    if (count == -1 && errno != EINTR) fail("epoll_wait");
    if (count > 0) progress = now();
    if (now() - progress > STUCK) errno = 0, fail("no answer from the server");
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      receive(connection);
      int isBusy = connection - all < options.connections;
      if (phase == OPENING || !isBusy) pump(connection, connection->sent < (uint64_t)options.size);
      else if (!options.churn) {
        if (options.pause) usleep(options.pause);
        pump(connection, options.window);
      }
    }
  }
}

/* What all threads of the server have used, including those that have ended. */
static struct usage usage_of_server(void) {
  struct usage usage = {0};
  char path[64], line[1024];
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(options.server, &clock) || clock_gettime(clock, &time)) fail("clock_gettime");
  usage.cpu = time.tv_sec + time.tv_nsec / 1e9;

  /* proc(5) counts user and system time in clock ticks. */
  snprintf(path, sizeof path, "/proc/%d/stat", options.server);
  FILE *file = fopen(path, "r");
  if (!file || !fgets(line, sizeof line, file)) fail(path);
  fclose(file);
  long user, system;
  sscanf(strrchr(line, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
  usage.user = user / (double)sysconf(_SC_CLK_TCK);
  usage.system = system / (double)sysconf(_SC_CLK_TCK);

  snprintf(path, sizeof path, "/proc/%d/statm", options.server);
  file = fopen(path, "r");
  if (!file || fscanf(file, "%*d %ld", &usage.resident) != 1) fail(path);
  fclose(file);
  usage.resident *= sysconf(_SC_PAGESIZE);
  return usage;
}

static double own_cpu(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return (left > right) - (left < right);
}

static double microseconds(double quantile) {
  return messages == 0 ? 0 : latencies[(size_t)(quantile * (messages - 1))] / 1e3;
}

int main(int count, char **values) {
  if (count != 11) {
    fprintf(stderr, "Usage: load PORT SERVER_PID messages|churn CONNECTIONS IDLE SIZE WINDOW PAUSE_US WARMUP SECONDS\n");
    return 2;
  }
  options.port = atoi(values[1]);
  options.server = atoi(values[2]);
  options.churn = strcmp(values[3], "churn") == 0;
  options.connections = atoi(values[4]);
  options.idle = atoi(values[5]);
  options.size = atoi(values[6]);
  options.window = atoi(values[7]);
  options.pause = atoi(values[8]);
  options.warmup = atof(values[9]);
  options.seconds = atof(values[10]);
  if (options.size < 1 || options.size > LONGEST_MESSAGE) errno = EINVAL, fail("SIZE");
  if (options.window < 1 || options.window > LARGEST_WINDOW) errno = EINVAL, fail("WINDOW");

  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = i % PERIOD;
  epfd = epoll_create1(EPOLL_CLOEXEC);
  int total = options.connections + options.idle;
  struct connection *all = calloc(total, sizeof *all);
  if (epfd == -1 || !all) fail("epoll_create1");

  struct usage empty = usage_of_server();
  for (int i = 0; i < total; i++) {
    start(&all[i]);
    if (i + 1 - answered >= MOST_OPENING || i + 1 == total) serve(all, 1e18, i + 1);
  }
  struct usage full = usage_of_server();

  phase = WARMING_UP;
  for (int i = 0; i < options.connections; i++) {
    if (options.churn) finish(&all[i], 1);
    else pump(&all[i], options.window);
  }
  serve(all, now() + options.warmup, INT32_MAX);

  phase = MEASURING;
  struct usage before = usage_of_server();
  double start = now(), cpu = own_cpu();
  serve(all, start + options.seconds, INT32_MAX);
  double seconds = now() - start;
  cpu = own_cpu() - cpu;
  struct usage after = usage_of_server();

  if (messages == 0) errno = 0, fail("no message came back while it measured");
  double used = (after.cpu - before.cpu) / messages * 1e6;
  double user = after.user - before.user, system = after.system - before.system;
  double share = user + system > 0 ? user / (user + system) : 0;
  qsort(latencies, messages, sizeof *latencies, compare);
  printf("{\"messages\": %zu, \"perSecond\": %.1f, \"cpu\": %.4f, \"user\": %.4f, \"system\": %.4f, ", messages,
    messages / seconds, used, used * share, used * (1 - share));
  printf("\"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f, ", microseconds(0.5), microseconds(0.99), microseconds(0.999));
  printf("\"server\": %.3f, \"load\": %.3f, \"memory\": %.0f}\n", (after.cpu - before.cpu) / seconds, cpu / seconds,
    (full.resident - empty.resident) / (double)total);
}
