/*
 * An echo server on io_uring(7): examples/echo_server_ring.ts in C, for the cost of the system
 * calls alone. It goes on receiving from a client that takes no more, until the buffers are used
 * up: unlike the example, this is for measurements only.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 1024
#define BUFFERS 4096
#define BUFFER_SIZE 16384

enum { ACCEPT = 1, RECV, SEND };

static int ring;
static _Atomic unsigned *sq_head, *sq_tail, *cq_head, *cq_tail;
static unsigned tail, sq_mask, cq_mask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static struct io_uring_buf_ring *buffers;
static char *memory;
static uint16_t buffers_tail;

/* The sends of a connection follow each other: the next starts when the last one has ended. */
static struct connection {
  uint16_t *queue; /* numbers of buffers */
  int *lengths;
  unsigned first, end, room, done;
} *connections;
static int most;

static void *map(size_t size, int fd, off_t offset) {
  int flags = fd == -1 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE;
  return mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);
}

static void enter(int wait) {
  atomic_store(sq_tail, tail);
  syscall(SYS_io_uring_enter, ring, tail - atomic_load(sq_head), wait, IORING_ENTER_GETEVENTS, NULL, 0);
}

static struct io_uring_sqe *entry(int opcode, int fd, uint64_t kind) {
  if (tail - atomic_load(sq_head) >= ENTRIES) enter(0);
  struct io_uring_sqe *sqe = &sqes[tail++ & sq_mask];
  memset(sqe, 0, sizeof *sqe);
  sqe->opcode = opcode;
  sqe->fd = fd;
  sqe->user_data = kind << 32 | (unsigned)fd;
  return sqe;
}

static void provide(int id) {
  struct io_uring_buf *buffer = &buffers->bufs[buffers_tail++ & (BUFFERS - 1)];
  buffer->addr = (uintptr_t)(memory + id * BUFFER_SIZE);
  buffer->len = BUFFER_SIZE;
  buffer->bid = id;
}

static void receive(int fd) {
  struct io_uring_sqe *sqe = entry(IORING_OP_RECV, fd, RECV);
  sqe->flags = IOSQE_BUFFER_SELECT;
  sqe->ioprio = IORING_RECV_MULTISHOT;
}

static void accept_all(int fd) {
  struct io_uring_sqe *sqe = entry(IORING_OP_ACCEPT, fd, ACCEPT);
  sqe->ioprio = IORING_ACCEPT_MULTISHOT;
  sqe->accept_flags = SOCK_CLOEXEC;
}

static void send_first(int fd) {
  struct connection *connection = &connections[fd];
  struct io_uring_sqe *sqe = entry(IORING_OP_SEND, fd, SEND);
  unsigned at = connection->first & (connection->room - 1);
  char *start = memory + connection->queue[at] * BUFFER_SIZE + connection->done;
  sqe->addr = (uintptr_t)start;
  sqe->len = connection->lengths[at] - connection->done;
  sqe->msg_flags = MSG_NOSIGNAL | MSG_WAITALL;
}

static void queue(int fd, int id, int length) {
  struct connection *connection = &connections[fd];
  if (!connection->room) {
    connection->room = BUFFERS;
    connection->queue = malloc(BUFFERS * sizeof *connection->queue);
    connection->lengths = malloc(BUFFERS * sizeof *connection->lengths);
  }
  unsigned at = connection->end++ & (connection->room - 1);
  connection->queue[at] = id;
  connection->lengths[at] = length;
  if (connection->end - connection->first == 1) send_first(fd);
}

static void hang_up(int fd) {
  struct connection *connection = &connections[fd];
  for (; connection->first != connection->end; connection->first++) {
    provide(connection->queue[connection->first & (connection->room - 1)]);
  }
  connection->done = 0;
  close(fd);
}

static void handle(struct io_uring_cqe *cqe) {
  int fd = (int)cqe->user_data, on = 1;
  struct connection *connection = &connections[fd];
  int more = cqe->flags & IORING_CQE_F_MORE;
  switch (cqe->user_data >> 32) {
  case ACCEPT:
    if (cqe->res >= 0 && cqe->res < most) {
      setsockopt(cqe->res, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      receive(cqe->res);
    }
    if (!more) accept_all(fd);
    break;
  case RECV:
    if (cqe->res > 0) queue(fd, cqe->flags >> IORING_CQE_BUFFER_SHIFT, cqe->res);
    if (cqe->res > 0 ? !more : cqe->res == -ENOBUFS) receive(fd);
    else if (cqe->res <= 0) hang_up(fd);
    break;
  case SEND:
    if (connection->first == connection->end) break; /* hung up meanwhile */
    if (cqe->res > 0) connection->done += cqe->res;
    unsigned at = connection->first & (connection->room - 1);
    if (cqe->res < 0 || (int)connection->done >= connection->lengths[at]) {
      provide(connection->queue[at]);
      connection->first++;
      connection->done = 0;
    }
    if (connection->first != connection->end) send_first(fd);
  }
}

int main(void) {
  struct io_uring_params params = {
    .cq_entries = 8 * ENTRIES,
    .flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
      IORING_SETUP_DEFER_TASKRUN,
  };
  ring = syscall(SYS_io_uring_setup, ENTRIES, &params);
  if (ring == -1) return perror("io_uring_setup"), 1;
  size_t size = params.cq_off.cqes + params.cq_entries * sizeof *cqes;
  size_t other = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  char *rings = map(size > other ? size : other, ring, IORING_OFF_SQ_RING);
  sqes = map(params.sq_entries * sizeof *sqes, ring, IORING_OFF_SQES);
  sq_head = (void *)(rings + params.sq_off.head);
  sq_tail = (void *)(rings + params.sq_off.tail);
  cq_head = (void *)(rings + params.cq_off.head);
  cq_tail = (void *)(rings + params.cq_off.tail);
  sq_mask = *(unsigned *)(rings + params.sq_off.ring_mask);
  cq_mask = *(unsigned *)(rings + params.cq_off.ring_mask);
  cqes = (void *)(rings + params.cq_off.cqes);
  unsigned *array = (void *)(rings + params.sq_off.array);
  for (unsigned i = 0; i < params.sq_entries; i++) array[i] = i;

  buffers = map(BUFFERS * sizeof(struct io_uring_buf), -1, 0);
  memory = map(BUFFERS * BUFFER_SIZE, -1, 0);
  struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)buffers, .ring_entries = BUFFERS};
  if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_PBUF_RING, &reg, 1) == -1) {
    return perror("io_uring_register"), 1;
  }
  for (int id = 0; id < BUFFERS; id++) provide(id);
  most = sysconf(_SC_OPEN_MAX);
  if (most > 100000) most = 100000;
  connections = calloc(most, sizeof *connections);

  struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
  socklen_t length = sizeof address;
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bind(server, (struct sockaddr *)&address, sizeof address);
  listen(server, SOMAXCONN);
  getsockname(server, (struct sockaddr *)&address, &length);
  accept_all(server);
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  while (1) {
    atomic_store((_Atomic uint16_t *)&buffers->tail, buffers_tail);
    enter(1);
    unsigned head = atomic_load(cq_head);
    for (; head != atomic_load(cq_tail); head++) handle(&cqes[head & cq_mask]);
    atomic_store(cq_head, head);
  }
}
