/*
 * Checks that a library does what kqueue(2) says: `kqueue_test LIBRARY`, where LIBRARY is our
 * emulation or libkqueue. Prints one line per fact, and exits with 1 if one does not hold.
 */
#define _GNU_SOURCE
#include "kqueue.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int (*open_queue)(void);
static int (*call)(int, const struct kevent *, int, struct kevent *, int, const struct timespec *);
static int16_t user_filter;
static int failures, facts;
static bool holds;

#define check(condition) \
  do { \
    errno = 0; \
    if (!(condition)) { \
      printf("       line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
      holds = false; \
    } \
  } while (0)

static const struct timespec at_once;
static struct kevent got[16];
static int kq, pair[2];

static int change(uint64_t ident, int16_t filter, uint16_t flags, uint32_t fflags, void *udata) {
  struct kevent event = {.ident = ident, .filter = filter, .flags = flags, .fflags = fflags, .udata = udata};
  return call(kq, &event, 1, NULL, 0, NULL);
}

static int look(int room) {
  memset(got, 0, sizeof got);
  return call(kq, NULL, 0, got, room, &at_once);
}

static bool polls(void) {
  struct pollfd queue = {.fd = kq, .events = POLLIN};
  return poll(&queue, 1, 0) == 1 && queue.revents == POLLIN;
}

static double milliseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int say(int fd, const char *text) { return (int)write(fd, text, strlen(text)); }

static int listener(struct sockaddr_in *address) {
  socklen_t length = sizeof *address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (struct sockaddr *)address, length) == -1 || listen(fd, 8) == -1) abort();
  getsockname(fd, (struct sockaddr *)address, &length);
  return fd;
}

/* ---- the facts: each has a fresh queue kq and a fresh pair of connected sockets -------------- */

static void a_level_filter_tells_again(void) {
  check(change(pair[0], EVFILT_READ, EV_ADD, 0, &kq) == 0);
  check(look(4) == 0);
  say(pair[1], "hello");
  check(look(4) == 1);
  check(got[0].ident == (uint64_t)pair[0] && got[0].filter == EVFILT_READ);
  check(got[0].data == 5 && got[0].udata == &kq && (got[0].flags & (EV_EOF | EV_ERROR)) == 0);
  check(look(4) == 1);
}

static void two_filters_are_two_events(void) {
  check(change(pair[0], EVFILT_READ, EV_ADD, 0, &got[0]) == 0);
  check(change(pair[0], EVFILT_WRITE, EV_ADD, 0, &got[1]) == 0);
  say(pair[1], "x");
  check(look(4) == 2);
  check(got[0].filter + got[1].filter == EVFILT_READ + EVFILT_WRITE);
  struct kevent *write = got[0].filter == EVFILT_WRITE ? &got[0] : &got[1];
  check(write->data > 1000 && write->udata == &got[1]);
  check(change(pair[0], EVFILT_READ, EV_DELETE, 0, NULL) == 0);
  check(look(4) == 1 && got[0].filter == EVFILT_WRITE);
}

static void little_room_starves_no_filter(void) {
  bool read = false, write = false;
  change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  change(pair[0], EVFILT_WRITE, EV_ADD, 0, NULL);
  say(pair[1], "x");
  for (int i = 0; i < 8; i++) {
    check(look(1) == 1);
    read = read || got[0].filter == EVFILT_READ;
    write = write || got[0].filter == EVFILT_WRITE;
  }
  check(read && write);
}

static void clear_tells_changes_only(void) {
  check(change(pair[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, NULL) == 0);
  say(pair[1], "x");
  check(look(4) == 1 && got[0].data == 1);
  check(look(4) == 0);
  say(pair[1], "y");
  check(look(4) == 1 && got[0].data == 2);
}

static void one_filter_may_be_clear_and_the_other_level(void) {
  change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  change(pair[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, NULL);
  say(pair[1], "x");
  check(look(4) == 2);
  check(look(4) == 1 && got[0].filter == EVFILT_READ);
}

static void oneshot_is_deleted_when_told(void) {
  change(pair[0], EVFILT_WRITE, EV_ADD | EV_ONESHOT, 0, NULL);
  check(look(4) == 1);
  check(look(4) == 0);
  check(change(pair[0], EVFILT_WRITE, EV_DELETE, 0, NULL) == -1 && errno == ENOENT);
}

static void dispatch_is_disabled_when_told(void) {
  change(pair[0], EVFILT_WRITE, EV_ADD | EV_DISPATCH, 0, NULL);
  check(look(4) == 1);
  check(look(4) == 0 && !polls());
  check(change(pair[0], EVFILT_WRITE, EV_ENABLE, 0, NULL) == 0);
  check(look(4) == 1);
}

static void disable_and_enable(void) {
  change(pair[0], EVFILT_WRITE, EV_ADD | EV_DISABLE, 0, NULL);
  check(look(4) == 0);
  check(change(pair[0], EVFILT_WRITE, EV_ENABLE, 0, NULL) == 0);
  check(look(4) == 1);
  check(change(pair[0], EVFILT_WRITE, EV_DISABLE, 0, NULL) == 0);
  check(look(4) == 0 && !polls());
}

static void a_disabled_filter_hides_a_hangup(void) {
  change(pair[0], EVFILT_READ, EV_ADD | EV_DISABLE, 0, NULL);
  close(pair[1]);
  check(look(4) == 0);
  check(look(4) == 0 && !polls());
}

static void adding_again_keeps_the_mode(void) {
  change(pair[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, NULL);
  check(look(4) == 1 && look(4) == 0);
  check(change(pair[0], EVFILT_WRITE, EV_ADD, 0, &kq) == 0);
  check(look(4) == 1 && got[0].udata == &kq);
  check(look(4) == 0);
}

static void adding_again_does_not_enable(void) {
  change(pair[0], EVFILT_WRITE, EV_ADD | EV_DISABLE, 0, NULL);
  check(change(pair[0], EVFILT_WRITE, EV_ADD, 0, NULL) == 0);
  check(look(4) == 0);
  check(change(pair[0], EVFILT_WRITE, EV_ADD | EV_ENABLE, 0, NULL) == 0);
  check(look(4) == 1);
}

static void a_receipt_answers_each_change(void) {
  struct kevent changes[3] = {
    {.ident = (uint64_t)pair[0], .filter = EVFILT_READ, .flags = EV_ADD | EV_RECEIPT, .udata = &kq},
    {.ident = (uint64_t)pair[0], .filter = EVFILT_WRITE, .flags = EV_DELETE | EV_RECEIPT},
    {.ident = (uint64_t)pair[0], .filter = EVFILT_WRITE, .flags = EV_ADD | EV_RECEIPT}};
  check(call(kq, changes, 3, got, 3, NULL) == 3);
  check((got[0].flags & EV_ERROR) != 0 && got[0].data == 0 && got[0].udata == &kq);
  check((got[1].flags & EV_ERROR) != 0 && got[1].data == ENOENT && got[1].filter == EVFILT_WRITE);
  check((got[2].flags & EV_ERROR) != 0 && got[2].data == 0);
  check(look(4) == 1 && got[0].filter == EVFILT_WRITE);
}

static void errors_go_to_the_event_list_or_to_errno(void) {
  struct kevent missing = {.ident = (uint64_t)pair[0], .filter = EVFILT_READ, .flags = EV_DELETE};
  check(call(kq, &missing, 1, got, 1, NULL) == 1);
  check((got[0].flags & EV_ERROR) != 0 && got[0].data == ENOENT && got[0].ident == missing.ident);
  check(call(kq, &missing, 1, NULL, 0, NULL) == -1 && errno == ENOENT);
  check(change(pair[0], EVFILT_READ, EV_ENABLE, 0, NULL) == -1 && errno == ENOENT);
  check(change(pair[0], EVFILT_READ, EV_DISABLE, 0, NULL) == -1 && errno == ENOENT);
}

static void bad_arguments_are_refused(void) {
  int closed = dup(pair[0]);
  close(closed);
  check(change(closed, EVFILT_READ, EV_ADD, 0, NULL) == -1 && errno == EBADF);
  check(change((uint64_t)-1, EVFILT_READ, EV_ADD, 0, NULL) == -1 && errno == EBADF);
  check(change(pair[0], 77, EV_ADD, 0, NULL) == -1 && errno == EINVAL);
  check(call(closed, NULL, 0, got, 1, &at_once) == -1 && errno == EBADF);
  check(call(pair[0], NULL, 0, got, 1, &at_once) == -1 && errno == EBADF);
  struct timespec wrong = {.tv_nsec = 1000000000}, longest = {.tv_sec = 100000001};
  check(call(kq, NULL, 0, got, 1, &wrong) == -1 && errno == EINVAL);
  say(pair[1], "x");
  change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  check(call(kq, NULL, 0, got, 1, &longest) == -1 && errno == EINVAL);
}

static void a_closed_peer_is_eof_after_its_data(void) {
  change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  say(pair[1], "bye");
  shutdown(pair[1], SHUT_WR);
  check(look(4) == 1 && got[0].data == 3 && (got[0].flags & EV_EOF) != 0);
  char text[3];
  check(read(pair[0], text, 3) == 3);
  check(look(4) == 1 && got[0].data == 0 && (got[0].flags & EV_EOF) != 0 && got[0].fflags == 0);
}

static void a_high_lowat_leaves_the_end_only(void) {
  struct kevent event = {
    .ident = (uint64_t)pair[0], .filter = EVFILT_READ, .flags = EV_ADD, .fflags = NOTE_LOWAT, .data = INT_MAX};
  check(call(kq, &event, 1, NULL, 0, NULL) == 0);
  say(pair[1], "hello");
  check(look(4) == 0 && !polls());
  shutdown(pair[1], SHUT_WR);
  check(look(4) == 1 && (got[0].flags & EV_EOF) != 0 && polls());
}

static void a_refused_connection_is_a_writable_eof(void) {
  struct sockaddr_in address;
  close(listener(&address));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int result = connect(fd, (struct sockaddr *)&address, sizeof address);
  if (result == -1 && errno == EINPROGRESS) usleep(20000);
  change(fd, EVFILT_WRITE, EV_ADD, 0, NULL);
  check(look(4) == 1 && (got[0].flags & EV_EOF) != 0 && got[0].fflags == ECONNREFUSED);
  int error = 0;
  socklen_t length = sizeof error;
  check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNREFUSED);
  close(fd);
}

static void a_reset_connection_is_eof_with_econnreset(void) {
  struct sockaddr_in address;
  int server = listener(&address), client = socket(AF_INET, SOCK_STREAM, 0);
  check(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
  int accepted = accept(server, NULL, NULL);
  change(accepted, EVFILT_READ, EV_ADD, 0, NULL);
  struct linger at_once_with_reset = {.l_onoff = 1};
  setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once_with_reset, sizeof at_once_with_reset);
  close(client);
  usleep(5000);
  check(look(4) == 1 && (got[0].flags & EV_EOF) != 0 && got[0].fflags == ECONNRESET);
  char byte;
  check(read(accepted, &byte, 1) == -1 && errno == ECONNRESET);
  close(accepted);
  close(server);
}

static void a_listener_counts_its_connections(void) {
  struct sockaddr_in address;
  int server = listener(&address), clients[2];
  change(server, EVFILT_READ, EV_ADD, 0, NULL);
  check(look(4) == 0);
  for (int i = 0; i < 2; i++) {
    clients[i] = socket(AF_INET, SOCK_STREAM, 0);
    connect(clients[i], (struct sockaddr *)&address, sizeof address);
  }
  check(look(4) == 1 && got[0].data == 2);
  for (int i = 0; i < 2; i++) close(clients[i]);
  close(server);
}

static void a_pipe_without_reader_refuses_a_write_filter(void) {
  int ends[2];
  if (pipe(ends) == -1) abort();
  check(change(ends[1], EVFILT_WRITE, EV_ADD, 0, NULL) == 0);
  check(look(4) == 1 && got[0].data > 1000 && (got[0].flags & EV_EOF) == 0);
  close(ends[0]);
  check(look(4) == 1 && (got[0].flags & EV_EOF) != 0);
  check(change(ends[1], EVFILT_WRITE, EV_DELETE, 0, NULL) == 0);
  check(change(ends[1], EVFILT_WRITE, EV_ADD, 0, NULL) == -1 && errno == EPIPE);
  close(ends[1]);
}

static void a_pipe_without_writer_is_eof(void) {
  int ends[2];
  if (pipe(ends) == -1) abort();
  change(ends[0], EVFILT_READ, EV_ADD, 0, NULL);
  say(ends[1], "ab");
  close(ends[1]);
  check(look(4) == 1 && got[0].data == 2 && (got[0].flags & EV_EOF) != 0);
  close(ends[0]);
}

static void a_regular_file_is_ready_up_to_its_end(void) {
  char name[] = "/tmp/kqueue_test_XXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  say(fd, "12345");
  lseek(fd, 2, SEEK_SET);
  check(change(fd, EVFILT_READ, EV_ADD, 0, NULL) == 0);
  check(look(4) == 1 && got[0].data == 3 && polls());
  lseek(fd, 0, SEEK_END);
  check(look(4) == 0 && !polls());
  check(change(fd, EVFILT_READ, EV_DELETE, 0, NULL) == 0);
  check(change(fd, EVFILT_WRITE, EV_ADD, 0, NULL) == 0);
  check(look(4) == 1 && got[0].filter == EVFILT_WRITE);
  close(fd);
  check(look(4) == 0);
}

static void urgent_data_is_an_exception(void) {
  struct sockaddr_in address;
  int server = listener(&address), client = socket(AF_INET, SOCK_STREAM, 0);
  connect(client, (struct sockaddr *)&address, sizeof address);
  int accepted = accept(server, NULL, NULL);
  check(change(accepted, EVFILT_EXCEPT, EV_ADD, NOTE_OOB, NULL) == 0);
  check(look(4) == 0);
  send(client, "!", 1, MSG_OOB);
  usleep(5000);
  check(look(4) == 1 && got[0].filter == EVFILT_EXCEPT && (got[0].flags & EV_OOBAND) != 0);
  close(client);
  close(accepted);
  close(server);
}

static void a_user_event_wakes(void) {
  check(change(0, user_filter, EV_ADD | EV_CLEAR, 0, &kq) == 0);
  check(look(4) == 0 && !polls());
  check(change(0, user_filter, 0, NOTE_TRIGGER, &kq) == 0);
  check(polls());
  check(look(4) == 1 && got[0].filter == user_filter && got[0].ident == 0 && got[0].udata == &kq);
  check(look(4) == 0 && !polls());
  check(change(0, user_filter, EV_DELETE, 0, NULL) == 0);
  check(change(0, user_filter, 0, NOTE_TRIGGER, NULL) == -1 && errno == ENOENT);
}

static void a_user_event_without_clear_stays(void) {
  change(7, user_filter, EV_ADD, 0, NULL);
  change(7, user_filter, 0, NOTE_TRIGGER | NOTE_FFCOPY | 0x12, NULL);
  check(look(4) == 1 && got[0].fflags == 0x12);
  check(look(4) == 1);
}

static void *trigger_later(void *unused) {
  usleep(30000);
  change(0, user_filter, 0, NOTE_TRIGGER, NULL);
  return unused;
}

static void another_thread_wakes_a_wait(void) {
  pthread_t thread;
  change(0, user_filter, EV_ADD | EV_CLEAR, 0, NULL);
  pthread_create(&thread, NULL, trigger_later, NULL);
  double start = milliseconds();
  check(call(kq, NULL, 0, got, 4, NULL) == 1 && got[0].filter == user_filter);
  check(milliseconds() - start > 25 && milliseconds() - start < 1000);
  pthread_join(thread, NULL);
}

static void *add_later(void *unused) {
  usleep(30000);
  change(pair[0], EVFILT_WRITE, EV_ADD, 0, NULL);
  return unused;
}

static void a_filter_added_during_a_wait_counts(void) {
  pthread_t thread;
  struct timespec second = {.tv_sec = 1};
  pthread_create(&thread, NULL, add_later, NULL);
  check(call(kq, NULL, 0, got, 4, &second) == 1 && got[0].filter == EVFILT_WRITE);
  pthread_join(thread, NULL);
}

static void *wake_poll_later(void *unused) {
  usleep(30000);
  say(pair[1], "x");
  return unused;
}

static void poll_waits_on_the_queue(void) {
  pthread_t thread;
  change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  check(!polls());
  pthread_create(&thread, NULL, wake_poll_later, NULL);
  struct pollfd queue = {.fd = kq, .events = POLLIN};
  check(poll(&queue, 1, 1000) == 1 && queue.revents == POLLIN);
  pthread_join(thread, NULL);
  check(look(4) == 1);
}

static void a_queue_watches_a_queue(void) {
  int inner = kq;
  change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  kq = open_queue();
  check(change(inner, EVFILT_READ, EV_ADD, 0, NULL) == 0);
  check(look(4) == 0);
  say(pair[1], "x");
  check(look(4) == 1 && got[0].ident == (uint64_t)inner);
  close(kq);
  kq = inner;
}

static void a_wait_ends_at_its_timeout(void) {
  struct timespec wait = {.tv_nsec = 1500000};
  double shortest = 1000; /* milliseconds: on a busy machine the best of some waits counts */
  for (int i = 0; i < 200 && shortest >= 3; i++) {
    double start = milliseconds();
    check(call(kq, NULL, 0, got, 4, &wait) == 0);
    double took = milliseconds() - start;
    check(took >= 1.5);
    if (took < shortest) shortest = took;
  }
  check(shortest < 3);
  double start = milliseconds();
  struct timespec second = {.tv_sec = 1};
  check(call(kq, NULL, 0, NULL, 0, &second) == 0);
  check(milliseconds() - start < 900);
}

static void on_alarm(int signal) { (void)signal; }

static void a_signal_interrupts_a_wait(void) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  struct timespec second = {.tv_sec = 1};
  sigaction(SIGALRM, &action, NULL);
  ualarm(30000, 0);
  check(call(kq, NULL, 0, got, 4, &second) == -1 && errno == EINTR);
}

static void changes_and_events_in_one_call(void) {
  struct kevent one[2] = {{.ident = (uint64_t)pair[0], .filter = EVFILT_WRITE, .flags = EV_ADD, .udata = &kq}};
  check(call(kq, one, 1, one, 2, NULL) == 1 && one[0].filter == EVFILT_WRITE && one[0].data > 0);
}

static void closing_removes_the_filters(void) {
  change(pair[0], EVFILT_WRITE, EV_ADD, 0, NULL);
  change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  check(look(4) == 1);
  close(pair[0]);
  check(look(4) == 0 && !polls());
  int reused = dup(pair[1]);
  check(reused == pair[0]);
  check(change(reused, EVFILT_WRITE, EV_DELETE, 0, NULL) == -1 && errno == ENOENT);
  check(change(reused, EVFILT_WRITE, EV_ADD, 0, NULL) == 0);
  check(look(4) == 1);
}

static void closing_one_of_two_duplicates_removes_its_filters(void) {
  int duplicate = dup(pair[0]);
  change(duplicate, EVFILT_WRITE, EV_ADD, 0, NULL);
  change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  say(pair[1], "x");
  check(look(4) == 2);
  close(duplicate);
  check(look(4) == 1 && got[0].filter == EVFILT_READ);
  change(pair[0], EVFILT_READ, EV_DELETE, 0, NULL);
  check(look(4) == 0 && !polls());
}

static void a_closed_queue_is_no_queue(void) {
  int old = kq;
  change(pair[0], EVFILT_WRITE, EV_ADD, 0, NULL);
  close(old);
  check(look(4) == -1 && errno == EBADF);
  check(dup2(pair[1], old) == old);
  check(look(4) == -1 && errno == EBADF);
  close(old);
  kq = open_queue();
  check(kq == old && look(4) == 0);
}

static void queues_leave_nothing_behind(void) {
  for (int i = 0; i < 50; i++) {
    close(kq);
    kq = open_queue();
    change(pair[0], EVFILT_WRITE, EV_ADD, 0, NULL);
    change(pair[0], EVFILT_READ, EV_ADD, 0, NULL);
  }
  int highest = dup(0);
  check(highest < 40);
  close(highest);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void test(const char *name, void (*body)(void)) {
  fflush(stdout);
  pid_t child = fork(); /* so that a crash or a hang fails this fact only */
  if (child == 0) {
    alarm(10);
    holds = true;
    kq = open_queue();
    if (kq == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1) _exit(2);
    body();
    fflush(stdout);
    _exit(holds ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  facts++;
  if (status != 0) failures++;
  printf("%-7s%s\n", status == 0 ? "ok" : WIFSIGNALED(status) ? "KILLED" : "FAILED", name);
}

#define TEST(name) test(#name, name)

int main(int argc, char **argv) {
  void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (library == NULL) {
    fprintf(stderr, "usage: kqueue_test LIBRARY\n");
    return 2;
  }
  *(void **)&open_queue = dlsym(library, "kqueue");
  *(void **)&call = dlsym(library, "kevent");
  kq = open_queue();
  user_filter = EVFILT_USER;
  if (change(0, user_filter, EV_ADD, 0, NULL) == -1) user_filter = EVFILT_USER_FREEBSD;
  close(kq);

  TEST(a_level_filter_tells_again);
  TEST(two_filters_are_two_events);
  TEST(little_room_starves_no_filter);
  TEST(clear_tells_changes_only);
  TEST(one_filter_may_be_clear_and_the_other_level);
  TEST(oneshot_is_deleted_when_told);
  TEST(dispatch_is_disabled_when_told);
  TEST(disable_and_enable);
  TEST(a_disabled_filter_hides_a_hangup);
  TEST(adding_again_keeps_the_mode);
  TEST(adding_again_does_not_enable);
  TEST(a_receipt_answers_each_change);
  TEST(errors_go_to_the_event_list_or_to_errno);
  TEST(bad_arguments_are_refused);
  TEST(a_closed_peer_is_eof_after_its_data);
  TEST(a_high_lowat_leaves_the_end_only);
  TEST(a_refused_connection_is_a_writable_eof);
  TEST(a_reset_connection_is_eof_with_econnreset);
  TEST(a_listener_counts_its_connections);
  TEST(a_pipe_without_reader_refuses_a_write_filter);
  TEST(a_pipe_without_writer_is_eof);
  TEST(a_regular_file_is_ready_up_to_its_end);
  TEST(urgent_data_is_an_exception);
  TEST(a_user_event_wakes);
  TEST(a_user_event_without_clear_stays);
  TEST(another_thread_wakes_a_wait);
  TEST(a_filter_added_during_a_wait_counts);
  TEST(poll_waits_on_the_queue);
  TEST(a_queue_watches_a_queue);
  TEST(a_wait_ends_at_its_timeout);
  TEST(a_signal_interrupts_a_wait);
  TEST(changes_and_events_in_one_call);
  TEST(closing_removes_the_filters);
  TEST(closing_one_of_two_duplicates_removes_its_filters);
  TEST(a_closed_queue_is_no_queue);
  TEST(queues_leave_nothing_behind);

  printf("%d of %d facts hold for %s (EVFILT_USER %d)\n", facts - failures, facts, argv[1], user_filter);
  return failures == 0 ? 0 : 1;
}
