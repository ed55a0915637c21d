/* An echo server on libuv: writes at once what the kernel takes, and queues the rest. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct rest {
  uv_write_t request;
  char data[];
};

static char memory[65536];

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void on_close(uv_handle_t *handle) {
  free(handle);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
  (void)handle, (void)size;
  *buffer = uv_buf_init(memory, sizeof memory);
}

static void on_written(uv_write_t *request, int status) {
  uv_stream_t *stream = request->handle;
  free(request);
  if (status == 0) uv_read_start(stream, on_alloc, on_read);
  else uv_close((uv_handle_t *)stream, on_close);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  if (count == 0) return;
  if (count < 0) return uv_close((uv_handle_t *)stream, on_close);
  uv_buf_t data = uv_buf_init(buffer->base, count);
  ssize_t sent = uv_try_write(stream, &data, 1);
  if (sent == count) return;
  if (sent < 0) sent = 0;
  struct rest *rest = malloc(sizeof *rest + count - sent);
  memcpy(rest->data, buffer->base + sent, count - sent);
  data = uv_buf_init(rest->data, count - sent);
  uv_read_stop(stream);
  uv_write(&rest->request, stream, &data, 1, on_written);
}

static void on_connection(uv_stream_t *server, int status) {
  if (status < 0) return;
  uv_tcp_t *connection = malloc(sizeof *connection);
  uv_tcp_init(server->loop, connection);
  if (uv_accept(server, (uv_stream_t *)connection) == 0) {
    uv_tcp_nodelay(connection, 1);
    uv_read_start((uv_stream_t *)connection, on_alloc, on_read);
  } else {
    uv_close((uv_handle_t *)connection, on_close);
  }
}

int main(void) {
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t server;
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_init(loop, &server);
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&server, (struct sockaddr *)&address, 0);
  uv_listen((uv_stream_t *)&server, SOMAXCONN, on_connection);
  uv_tcp_getsockname(&server, (struct sockaddr *)&address, &length);
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
