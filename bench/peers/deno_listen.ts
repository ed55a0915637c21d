/** An echo server on Deno.listen: read and write with a buffer for each connection. */

const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on 127.0.0.1:${server.addr.port}`);

for await (const connection of server) void echo(connection);

async function echo(connection: Deno.TcpConn) {
  try {
    connection.setNoDelay();
    const buffer = new Uint8Array(65536);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      for (let sent = 0; sent < count;) {
        sent += await connection.write(buffer.subarray(sent, count));
      }
    }
  } catch {
    // The client has gone.
  } finally {
    connection.close();
  }
}
