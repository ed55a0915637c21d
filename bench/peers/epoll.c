/*
 * An echo server on epoll(7): examples/echo_server.ts in C, for the cost of the system calls alone.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * `unsent` is what was read and the kernel did not accept yet. While it is set, the connection is
 * written and not read.
 */
struct connection {
  int fd;
  char *unsent;
  size_t start, end;
};

static char buffer[65536];
static int epfd;

static void watch(struct connection *connection, int operation, uint32_t events) {
  struct epoll_event event = {events, {.ptr = connection}};
  epoll_ctl(epfd, operation, connection->fd, &event);
}

static void accept_all(int server) {
  int fd, on = 1;
  while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
    struct connection *connection = calloc(1, sizeof *connection);
    connection->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static void hang_up(struct connection *connection) {
  epoll_ctl(epfd, EPOLL_CTL_DEL, connection->fd, NULL);
  close(connection->fd);
  free(connection->unsent);
  free(connection);
}

static void read_some(struct connection *connection) {
  ssize_t count = recv(connection->fd, buffer, sizeof buffer, 0);
  if (count <= 0) return hang_up(connection);
  ssize_t sent = send(connection->fd, buffer, count, MSG_NOSIGNAL);
  if (sent == count) return;
  if (sent == -1) sent = 0;
  connection->start = 0;
  connection->end = count - sent;
  connection->unsent = malloc(connection->end);
  memcpy(connection->unsent, buffer + sent, connection->end);
  watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
}

static void write_rest(struct connection *connection) {
  size_t length = connection->end - connection->start;
  ssize_t sent = send(connection->fd, connection->unsent + connection->start, length, MSG_NOSIGNAL);
  if (sent == -1) return hang_up(connection);
  connection->start += sent;
  if (connection->start < connection->end) return;
  free(connection->unsent);
  connection->unsent = NULL;
  watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

int main(void) {
  struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
  socklen_t length = sizeof address;
  struct connection server = {socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), NULL, 0, 0};
  bind(server.fd, (struct sockaddr *)&address, sizeof address);
  listen(server.fd, SOMAXCONN);
  getsockname(server.fd, (struct sockaddr *)&address, &length);
  epfd = epoll_create1(EPOLL_CLOEXEC);
  watch(&server, EPOLL_CTL_ADD, EPOLLIN);
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  struct epoll_event events[1024];
  while (1) {
    int count = epoll_wait(epfd, events, 1024, -1);
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection == &server) accept_all(server.fd);
      else if (connection->unsent) write_rest(connection);
      else read_some(connection);
    }
  }
}
