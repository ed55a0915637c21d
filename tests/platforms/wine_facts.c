/*
 * Shows without Deno where Wine 10 differs from Microsoft's documentation of Winsock.
 * `windows.sh facts` compiles it with mingw and runs it. Each line has what Wine did and, in
 * brackets, what the documentation says.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>

static struct sockaddr_in loopback = {.sin_family = AF_INET};

static SOCKET bound(int type) {
  int length = sizeof loopback;
  SOCKET s = socket(AF_INET, type, 0);
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  loopback.sin_port = 0;
  bind(s, (struct sockaddr *)&loopback, length);
  getsockname(s, (struct sockaddr *)&loopback, &length);
  return s;
}

static SOCKET refused(void) {
  u_long on = 1;
  closesocket(bound(SOCK_STREAM));
  SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
  ioctlsocket(s, FIONBIO, &on);
  connect(s, (struct sockaddr *)&loopback, sizeof loopback);
  return s;
}

static int socket_error(SOCKET s) {
  int error = -1, length = sizeof error;
  getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, &length);
  return error;
}

int main(void) {
  WSADATA data;
  WSAStartup(MAKEWORD(2, 2), &data);

  SOCKET s = refused();
  WSAPOLLFD poll = {.fd = s, .events = POLLWRNORM};
  int result = WSAPoll(&poll, 1, 5000);
  printf("WSAPoll of a refused connect: %d, revents 0x%x  [from Windows 10 2004: 0x13, POLLHUP|POLLERR|POLLWRNORM]\n",
         result, (unsigned short)poll.revents);
  int first = socket_error(s);
  printf("SO_ERROR twice: %d, %d  [not documented; do not rely on it being cleared]\n", first, socket_error(s));

  s = refused();
  fd_set reading, writing;
  struct timeval wait = {.tv_usec = 300000};
  FD_ZERO(&reading);
  FD_ZERO(&writing);
  FD_SET(s, &reading);
  FD_SET(s, &writing);
  printf("select of a refused connect without exceptfds: %d  [0: only exceptfds tells]\n",
         select(0, &reading, &writing, NULL, &wait));

  WSAPOLLFD negative[2] = {{.fd = INVALID_SOCKET, .events = POLLRDNORM}, {.fd = bound(SOCK_DGRAM), .events = POLLRDNORM}};
  result = WSAPoll(negative, 2, 0);
  printf("WSAPoll with a negative fd: %d, revents 0x%x  [0, 0x0: ignored]\n", result, (unsigned short)negative[0].revents);
  result = WSAPoll(negative, 1, 0);
  printf("WSAPoll with none but a negative fd: %d, error %d  [-1, 10022 WSAEINVAL]\n", result, WSAGetLastError());

  WSAPOLLFD priority = {.fd = negative[1].fd, .events = POLLPRI};
  result = WSAPoll(&priority, 1, 0);
  printf("WSAPoll with POLLPRI: %d, error %d  [-1, 10022 WSAEINVAL: not supported]\n", result, result < 0 ? WSAGetLastError() : 0);

  WSAPOLLFD closed[2] = {{.fd = bound(SOCK_DGRAM), .events = POLLRDNORM}, {.fd = negative[1].fd, .events = POLLRDNORM}};
  closesocket(closed[0].fd);
  DWORD start = GetTickCount();
  result = WSAPoll(closed, 2, 300);
  printf("WSAPoll with a closed socket: %d, revents 0x%x, after %s  [1, 0x4, at once]\n", result,
         (unsigned short)closed[0].revents, GetTickCount() - start >= 250 ? "the timeout" : "no time");

  s = socket(AF_INET, SOCK_DGRAM, 0);
  closed[1] = (WSAPOLLFD){.fd = s, .events = POLLWRNORM};
  result = WSAPoll(closed, 2, 300);
  printf("WSAPoll with a closed socket beside a ready one: %d, revents 0x%x  [2, 0x4]\n", result, (unsigned short)closed[0].revents);

  u_long on = 1;
  char text[4] = "abc";
  SOCKET gone = bound(SOCK_DGRAM);
  closesocket(gone);
  s = socket(AF_INET, SOCK_DGRAM, 0);
  ioctlsocket(s, FIONBIO, &on);
  sendto(s, text, 3, 0, (struct sockaddr *)&loopback, sizeof loopback);
  Sleep(50);
  result = recv(s, text, 4, 0);
  printf("recv after a datagram to a closed port: %d, error %d  [-1, 10054 WSAECONNRESET]\n", result, WSAGetLastError());

  s = socket(AF_UNIX, SOCK_STREAM, 0);
  printf("socket(AF_UNIX): error %d  [0 from Windows 10 1803]\n", s == INVALID_SOCKET ? WSAGetLastError() : 0);

  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
  printf("getaddrinfo of ::1 for AF_INET: %d  [11001 WSAHOST_NOT_FOUND]\n", getaddrinfo("::1", NULL, &hints, &list));
  return 0;
}
