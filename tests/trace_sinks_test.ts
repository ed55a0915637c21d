/**
 * What a sink of traceSyscalls() may do, and that nothing which it does changes the traced call.
 */

import { assert, assertEquals, assertLess, assertMatch, assertStrictEquals } from "@std/assert";
import * as ffi from "../ffi/mod.ts";
import { EVENT_READ, EVENT_WRITE, readable, Socket, traceSyscalls } from "../mod.ts";
import type { BaseSelector, SyscallRecord } from "../mod.ts";
import { Ring } from "../ring/mod.ts";
import { Pair } from "./helpers/descriptors.ts";
import { SELECTORS } from "./helpers/mechanisms.ts";
import { DENO, run } from "./helpers/programs.ts";

const isWindows = Deno.build.os === "windows";
const NOT_OPEN = isWindows ? ffi.ENOTSOCK : ffi.EBADF;
const WAITS = /^(epoll_wait|epoll_pwait2|kevent|poll|ppoll|select|WSAPoll)$/;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What was printed on standard error while `action` ran. */
async function printedBy(action: () => unknown): Promise<string> {
  const { error } = console;
  let printed = "";
  console.error = (...values: unknown[]) => printed += `${values.join(" ")}\n`;
  try {
    await action();
  } finally {
    console.error = error;
  }
  return printed;
}

// ─── Sinks that throw ─────────────────────────────────────────────────────────────────────────

/** Values whose inspection throws, too. */
function thrownValues(): unknown[] {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return [
    new Error("no sink today"),
    undefined,
    null,
    Symbol("thrown"),
    proxy,
    {
      [Symbol.for("Deno.customInspect")]() {
        throw new Error("not to be inspected");
      },
    },
    Object.defineProperty(new Error(), "stack", {
      get() {
        throw new Error("no stack");
      },
    }),
  ];
}

Deno.test("Whatever a sink throws or rejects with, the call returns what it returns untraced", async () => {
  using pair = new Pair();
  for (const value of thrownValues()) {
    for (const kind of ["throws", "rejects"]) {
      // On the real console, which inspects the value.
      const sink = () => {
        if (kind === "throws") throw value;
        return Promise.reject(value);
      };
      const { error } = console;
      console.error = (...values: unknown[]) => void Deno.inspect(values.at(-1));
      try {
        using _ = traceSyscalls(sink);
        assertStrictEquals(ffi.close(-2), -1);
        assertStrictEquals(ffi.errno(), NOT_OPEN);
        pair.left.send(new Uint8Array([1, 2, 3]));
        assertEquals(pair.right.recv(16), new Uint8Array([1, 2, 3]));
        const socket = new Socket();
        assert(socket.fileno() > 2);
        socket.close();
        await pause(0); // an unhandled rejection would fail the test
      } finally {
        console.error = error;
      }
    }
  }
});

Deno.test("A console that throws loses no byte and no descriptor of a traced program", () => {
  const { error } = console;
  console.error = () => {
    throw new Error("No space left on device");
  };
  try {
    using _default = traceSyscalls();
    using _throws = traceSyscalls(() => {
      throw new Error("no sink today");
    });
    using pair = new Pair();
    pair.left.send(new Uint8Array([1, 2, 3]));
    assertEquals(pair.right.recv(16), new Uint8Array([1, 2, 3]));
    assertStrictEquals(ffi.close(-2), -1);
    assertStrictEquals(ffi.errno(), NOT_OPEN);
  } finally {
    console.error = error;
  }
});

const hasDevFull = Deno.build.os === "linux";

Deno.test({
  name: "A program that traces onto a full device does what it does untraced",
  ignore: !hasDevFull,
  async fn() {
    const program = `
      import { Socket, traceSyscalls } from "${new URL("../mod.ts", import.meta.url)}";
      using _ = traceSyscalls();
      const [left, right] = Socket.pair();
      left.send(new Uint8Array([1, 2, 3]));
      console.log([...right.recv(16)].join());
      left.close();
      right.close();`;
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, program);
      const command = `"$0" run --no-config --no-check -A "$1" 2>/dev/full`;
      const { code, stdout } = await run("sh", ["-c", command, DENO, file]);
      assertEquals({ code, stdout }, { code: 0, stdout: "1,2,3\n" });
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test("A trace goes on when the program gives up the permission that its decoders need", async () => {
  const program = `
    import { Socket, traceSyscalls } from "${new URL("../mod.ts", import.meta.url)}";
    import * as ffi from "${new URL("../ffi/mod.ts", import.meta.url)}";
    const [left] = Socket.pair();
    using _ = traceSyscalls((call) => console.log(String(call)));
    Deno.permissions.revokeSync({ name: "ffi" });
    console.log(ffi.recv(-2, new Uint8Array(3), 3, 0)); // its buffer is printed as an address
    console.log(ffi.send(left.fileno(), new Uint8Array([65]), 1, 0));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const { code, stdout, stderr } = await run(DENO, ["run", "--no-check", "-A", file]);
    assertEquals(code, 0, stderr);
    assertMatch(
      stdout,
      /^recv\(-2, \S+, 3, 0\) = -1 \w+ \(.*\)\n-1\nsend\(\d+, "A", 1, 0\) = 1\n1\n$/,
    );
  } finally {
    await Deno.remove(file);
  }
});

// ─── Sinks that use the selector whose wait is reported ───────────────────────────────────────

type Sockets = BaseSelector<number, Socket>;

/** What a sink does, once, when a wait is reported. */
const ACTIONS: Readonly<Record<string, (selector: Sockets, pairs: readonly Pair[]) => unknown>> = {
  "closes it": (selector) => selector.close(),
  "unregisters all of it": (selector, pairs) => {
    for (const { left } of pairs) if (selector.getMap().has(left)) selector.unregister(left);
  },
  "registers more": (selector, pairs) => {
    for (const { right } of pairs) selector.register(right, EVENT_WRITE, 9);
  },
  "modifies all of it": (selector, pairs) => {
    for (const { left } of pairs) selector.modify(left, EVENT_READ | EVENT_WRITE, 8);
  },
  "selects": (selector) => selector.select(0),
  "closes what is ready": (_, pairs) => pairs[1]!.left.close(),
};

for (const Selector of SELECTORS) {
  for (const how of ["select", "selectAsync"] as const) {
    for (const mode of ["level", "oneshot"] as const) {
      for (const [what, action] of Object.entries(ACTIONS)) {
        Deno.test(`${Selector.name}.${how}() of "${mode}" loses no event to a sink that ${what}`, async () => {
          using stack = new DisposableStack();
          const pairs = Array.from({ length: 3 }, () => stack.use(new Pair()));
          using selector = new Selector<number, Socket>();
          pairs.forEach(({ left }, i) => selector.register(left, EVENT_READ, i, { mode }));
          for (const { right } of pairs) right.send(new Uint8Array([1]));
          const records: SyscallRecord[] = [];
          let acted = 0;
          let printed = "";
          {
            using _ = traceSyscalls((call) => {
              records.push(call);
              if (WAITS.test(call.name) && call.result > 0 && acted++ === 0) {
                action(selector, pairs);
              }
            });
            const keys: number[] = [];
            printed = await printedBy(async () => {
              const events = how === "select" ? selector.select(1000) : await selector.selectAsync({
                timeout: 1000,
              });
              keys.push(...events.map(([{ data }]) => data));
            });
            assertEquals(keys.sort(), [0, 1, 2], "what was ready");
          }
          assert(acted > 0, "the wait was reported");
          assertEquals(printed, "", "the sink threw nothing");
          const failed = records.filter(({ name, result }) => /ctl$/.test(name) && result === -1);
          assertEquals(failed.map(String), []);

          if (selector.closed) return;
          // It works on, with what the sink left registered.
          if (what === "closes what is ready") selector.unregister(pairs[1]!.left);
          for (const { left } of pairs) if (selector.getMap().has(left)) selector.unregister(left);
          using later = new Pair();
          selector.register(later.left, EVENT_READ, 7);
          later.right.send(new Uint8Array([1]));
          const ready = selector.select(1000).map(([{ data }]) => data);
          assertEquals(ready.filter((data) => data !== 9), [7]);
        });
      }
    }
  }

  Deno.test(`${Selector.name} may be changed in the report of each of its own calls`, () => {
    using pair = new Pair();
    using other = new Pair();
    using selector = new Selector<number, Socket>();
    let calls = 0;
    using _ = traceSyscalls(() => {
      calls++;
      if (selector.getMap().has(other.left)) selector.unregister(other.left);
      else selector.register(other.left, EVENT_READ, 2);
      selector.select(0);
    });
    selector.register(pair.left, EVENT_READ, 1);
    selector.modify(pair.left, EVENT_READ | EVENT_WRITE, 1);
    assertEquals(selector.select(1000).map(([{ data }]) => data), [1]);
    selector.unregister(pair.left);
    assert(calls > 0);
    assertEquals([...selector.getMap().keys()].filter((fd) => fd === pair.left.fileno()), []);
  });
}

/** What a sink does to a ring, once, when the ring's call is reported. */
const RING_ACTIONS: Readonly<Record<string, (ring: Ring<number>, socket: Socket) => unknown>> = {
  "closes it": (ring) => ring.close(),
  "starts an operation": (ring, socket) => ring.recv(socket, 9),
  "wakes it": (ring) => ring.wakeup(),
  "waits": (ring) => ring.wait(0),
};

for (const [what, action] of Object.entries(RING_ACTIONS)) {
  Deno.test({
    name: `A ring loses no completion to a sink that ${what} within the report of its wait`,
    ignore: !Ring.isSupported(),
    fn() {
      using pair = new Pair();
      using ring = new Ring<number>();
      ring.recv(pair.left, 1);
      pair.right.send(new Uint8Array([1, 2]));
      let acted = 0;
      {
        using _ = traceSyscalls(({ name }) => {
          if (name === "io_uring_enter" && acted++ === 0) action(ring, pair.left);
        });
        const found = ring.wait(5000).map(({ data, result }) => [data, result]);
        assertEquals(found, [[1, 2]]);
      }
      assert(acted > 0);
    },
  });
}

// ─── Sinks that go on later ───────────────────────────────────────────────────────────────────

Deno.test("A sink is not fed with the calls that it makes later, and misses none of the program's", async () => {
  const delays: Readonly<Record<string, () => Promise<unknown>>> = {
    "a microtask": () => Promise.resolve(),
    "a timer": () => pause(1),
    "both": async () => {
      await null;
      await pause(1);
      await null;
    },
  };
  for (const [name, delay] of Object.entries(delays)) {
    for (const isAsync of [true, false]) {
      const args: string[] = [];
      let done = 0;
      const later = async () => {
        await delay();
        ffi.close(-1);
        await delay();
        ffi.close(-1);
        done++;
      };
      {
        using _ = traceSyscalls((call) => {
          args.push(call.args[0]!);
          const promise = later();
          return isAsync ? promise : undefined;
        });
        for (const fd of [-11, -12]) ffi.close(fd);
        await null;
        ffi.close(-13); // while the sink's promises are pending
        while (done < 3) await pause(1);
        ffi.close(-14);
        while (done < 4) await pause(1);
        await pause(5);
      }
      assertEquals(args, ["-11", "-12", "-13", "-14"], `${name}, ${isAsync}`);
    }
  }
});

for (const how of ["selectAsync()", "readable()"]) {
  for (const isAsync of [true, false]) {
    Deno.test(`${isAsync ? "An async" : "A"} sink that waits with ${how} is not fed with its own waits`, async () => {
      using pair = new Pair();
      using own = new Pair();
      for (const { left, right } of [pair, own]) {
        left.setBlocking(false);
        right.setBlocking(false);
      }
      using selector = new SELECTORS[0]!<number, Socket>();
      selector.register(pair.left, EVENT_READ, 1);
      let calls = 0;
      let waits = 0;
      const waitToo = async () => {
        if (calls > 2000) return; // it is fed without end: the test fails below
        waits++;
        if (how === "readable()") {
          setTimeout(() => own.right.send(new Uint8Array([1])), 1);
          await readable(own.left, () => own.left.recv(1));
        } else {
          using mine = new SELECTORS[0]!();
          await mine.selectAsync({ timeout: 1 });
        }
        waits--;
      };
      // A wait that goes on, as in a server. Its loop began before the tracing.
      const wait = () =>
        how === "readable()" ? readable(pair.left) : selector.selectAsync({ timeout: 10_000 });
      const first = wait();
      await pause(20);
      const names: string[] = [];
      {
        using _ = traceSyscalls(({ name }) => {
          calls++;
          names.push(name);
          const promise = waitToo();
          return isAsync ? promise : undefined;
        });
        ffi.close(-2); // the sink's first wait, which wakes the loop
        await pause(300);
        pair.right.send(new Uint8Array([1]));
        await first;
        await wait();
        while (waits > 0 && calls <= 2000) await pause(5);
        // An attempt is the program's own call, also in the loop.
        names.splice(0);
        pair.right.recv(1); // nothing
        await readable(pair.left, () => pair.left.recv(1));
      }
      assertEquals(names.filter((name) => name === "recv").length, 2);
      while (waits > 0 && calls <= 2000) await pause(5);
      assertLess(calls, 80);
    });
  }
}
