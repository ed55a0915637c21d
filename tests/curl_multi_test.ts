/** examples/curl_multi.ts, with a server of Deno's as the peer. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openCurl } from "../examples/libcurl.ts";
import { DENO, path, run } from "./helpers/programs.ts";

const EXAMPLE = path("examples/curl_multi.ts");
const TRANSFERS = 50;
const SIZE = 100_000; // bytes of each

const isInstalled = openCurl() !== undefined; // and opened here, so that no test leaks it
const curlTest = (name: string, fn: () => Promise<void>) => {
  Deno.test({
    name: name + (isInstalled ? "" : " (needs libcurl; Debian: libcurl4)"),
    ignore: !isInstalled,
    fn,
  });
};

function runExample(...urls: string[]) {
  return run(DENO, ["run", "--no-prompt", "--allow-ffi", EXAMPLE, ...urls]);
}

curlTest(
  `curl_multi.ts has ${TRANSFERS} transfers under way at once, and prints each`,
  async () => {
    // No request is answered before all have come: one after the other they would wait for ever.
    const all = Promise.withResolvers<void>();
    let count = 0;
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
      if (++count === TRANSFERS) all.resolve();
      await all.promise;
      return new Response(new Uint8Array(SIZE));
    });
    const urls = Array.from({ length: TRANSFERS }, (_, i) => {
      return `http://127.0.0.1:${server.addr.port}/${i}`;
    });

    const { code, stdout, stderr } = await runExample(...urls);

    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    const parts = lines.map((line) =>
      /^(\d+)\/50 {2}(\d+) bytes so far {2}200 {2}(\S+)$/.exec(line)!
    );
    assertEquals(parts.map((part) => Number(part[1])), urls.map((_, i) => i + 1));
    assertEquals(parts.map((part) => part[3]!).sort(), urls.toSorted());
    assertEquals(Number(parts.at(-1)![2]), TRANSFERS * SIZE);
  },
);

curlTest(
  "curl_multi.ts prints why a transfer failed, finishes the others, and exits 1",
  async () => {
    using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = closed.addr;
    closed.close();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      ({ url }) => new Response("text", { status: url.endsWith("/missing") ? 404 : 200 }),
    );
    const origin = `http://127.0.0.1:${server.addr.port}`;

    const { code, stdout, stderr } = await runExample(
      `${origin}/missing`,
      `http://127.0.0.1:${port}/`,
      `${origin}/there`,
    );

    assertEquals({ code, stderr }, { code: 1, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    const lineOf = (part: string) => lines.find((line) => line.includes(part)) ?? "";
    assertMatch(lineOf("/missing"), / 404 {2}http/);
    assertMatch(lineOf("/there"), / 200 {2}http/);
    assertMatch(lineOf(`:${port}/`), / [Cc]ould\s?n.t connect to server {2}http/);
    assert(lines.length === 3);
  },
);

curlTest("curl_multi.ts without a URL prints its usage and exits 2", async () => {
  const { code, stdout, stderr } = await runExample();
  assertEquals({ code, stdout }, { code: 2, stdout: "" });
  assertStringIncludes(stderr, "Usage: ");
});

Deno.test("curl_multi.ts says in one line that libcurl is not installed, and exits 3", async () => {
  const module = new URL("../examples/curl_multi.ts", import.meta.url).href;
  const script = `
    Deno.dlopen = () => { throw new Error("Could not open library"); };
    await import(${JSON.stringify(module)});
  `;
  const { code, stdout, stderr } = await run(DENO, ["eval", script]);
  assertEquals({ code, stdout }, { code: 3, stdout: "" });
  assertEquals(stderr, "libcurl is not installed (Debian: libcurl4)\n");
});
