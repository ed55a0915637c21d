/*
 * Shows without Deno where qemu-user 7.2 differs from Linux: `arm64.sh facts` runs it under qemu,
 * and `cc qemu_facts.c && ./a.out` on the machine itself. Prints "as Linux" or "differs".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *call, int as_linux, long result) {
  printf("%-8s  %s: %ld\n", as_linux ? "as Linux" : "differs", call, result);
}

int main(int argc, char **argv) {
  struct epoll_event event;
  struct timespec nothing = {0};
  if (argc > 1) return 0;

  int queue = epoll_create1(EPOLL_CLOEXEC);
  int result = epoll_pwait2(queue, &event, 1, &nothing, NULL);
  tell("epoll_pwait2, errno", result == 0, result == 0 ? 0 : errno);

  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  getsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_TCP, TCP_INFO, &info, &length);
  tell("bytes that TCP_INFO answers", length > 100, length);

  int pair[2], fds[2] = {0, 1};
  char byte = 0, control[64] = {0};
  struct iovec iov = {&byte, 1};
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
  struct cmsghdr *rights = (struct cmsghdr *)control;
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  *rights = (struct cmsghdr){CMSG_LEN(sizeof fds), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(rights), fds, sizeof fds);
  message.msg_controllen = CMSG_SPACE(sizeof fds);
  sendmsg(pair[0], &message, 0);
  message.msg_controllen = CMSG_LEN(sizeof fds[0]);
  recvmsg(pair[1], &message, 0);
  tell("MSG_CTRUNC of recvmsg", (message.msg_flags & MSG_CTRUNC) != 0, message.msg_flags);

  int status = 0;
  pid_t child = fork();
  if (child == 0) _exit((execl(argv[0], argv[0], "child", (char *)NULL), errno));
  waitpid(child, &status, 0);
  tell("execve of this program by its own name, errno", status == 0, WEXITSTATUS(status));
  return 0;
}
