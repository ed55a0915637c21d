/**
 * An echo server on Bun.listen. It keeps what the kernel does not accept until "drain", and does
 * not read meanwhile.
 */

const server = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.setNoDelay(true);
      socket.data = undefined; // what is unsent
    },
    data(socket, data) {
      if (socket.data !== undefined) return void (socket.data = Buffer.concat([socket.data, data]));
      const sent = Math.max(socket.write(data), 0);
      if (sent === data.length) return;
      socket.data = Buffer.from(data.subarray(sent));
      socket.pause();
    },
    drain(socket) {
      if (socket.data === undefined) return;
      const sent = Math.max(socket.write(socket.data), 0);
      socket.data = sent === socket.data.length ? undefined : socket.data.subarray(sent);
      if (socket.data === undefined) socket.resume();
    },
    error() {},
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);
