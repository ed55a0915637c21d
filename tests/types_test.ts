/**
 * What compiles and what does not: `deno check` fails if a line below `@ts-expect-error` compiles.
 */

import { assert, assertFalse, assertStrictEquals } from "@std/assert";
import {
  AF_INET,
  type BaseSelector,
  DefaultSelector,
  EVENT_READ,
  type FileObject,
  type SelectorKey,
  SOCK_DGRAM,
  Socket,
} from "../mod.ts";
import "./helpers/descriptors.ts";

/** Never called: the compiler is the test. */
export function selectorTypes(
  plain: BaseSelector,
  named: BaseSelector<string>,
  maybeNamed: BaseSelector<string | undefined>,
  anything: BaseSelector<unknown>,
  sockets: BaseSelector<string, Socket>,
  socket: Socket,
): void {
  // Data is undefined by default: options where data belongs are an error.
  plain.register(0, EVENT_READ);
  plain.register(0, EVENT_READ, undefined, { mode: "edge" });
  plain.modify(0, EVENT_READ);
  // @ts-expect-error: options are the fourth argument
  plain.register(0, EVENT_READ, { mode: "edge" });
  // @ts-expect-error: options are the fourth argument
  plain.modify(0, EVENT_READ, { mode: "edge" });
  // @ts-expect-error: data takes a type argument
  plain.register(0, EVENT_READ, "data");

  // Data may be left out only where its type admits undefined.
  named.register(0, EVENT_READ, "data");
  named.register(0, EVENT_READ, "data", { mode: "oneshot" });
  named.modify(0, EVENT_READ, "data");
  // @ts-expect-error: data is required
  named.register(0, EVENT_READ);
  // @ts-expect-error: data is required
  named.modify(0, EVENT_READ);
  // @ts-expect-error: data is required
  named.register(0, EVENT_READ, undefined, { mode: "edge" });
  maybeNamed.register(0, EVENT_READ);
  maybeNamed.register(0, EVENT_READ, "data");
  anything.register(0, EVENT_READ);
  anything.register(0, EVENT_READ, { mode: "edge" }); // data: a selector of unknown takes anything

  // DefaultSelector is the same type as BaseSelector.
  const same: DefaultSelector<string> = named;
  const back: BaseSelector<string> = same;

  // Keys keep the file object's type.
  const key: SelectorKey<string, Socket> = sockets.register(socket, EVENT_READ, "data");
  const own: Socket = named.register(socket, EVENT_READ, "data").fileobj;
  // @ts-expect-error: a descriptor is no Socket
  sockets.register(0, EVENT_READ, "data");
  const fileobj: FileObject = named.unregister(own).fileobj;
  for (const [{ data }] of sockets.select(0)) data.toUpperCase();
  void [key, fileobj, back];
}

Deno.test("DefaultSelector without type arguments takes no data, and Socket's constants come from mod.ts", () => {
  using selector: DefaultSelector = new DefaultSelector();
  using socket = new Socket(AF_INET, SOCK_DGRAM);
  selector.register(socket, EVENT_READ);
  selector.unregister(socket);
});

Deno.test({
  name: "deno doc shows DefaultSelector's methods, and nothing internal",
  ignore: Deno.env.has("SELECTORS_EMULATOR"), // the text is the same everywhere
  async fn() {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["doc", "--json", new URL("../mod.ts", import.meta.url).href],
    });
    const { code, stdout } = await command.output();
    assertStrictEquals(code, 0);
    const text = new TextDecoder().decode(stdout);
    for (
      const name of ["Mechanism", "MechanismFactory", "Registration", "Registrations", "Found"]
    ) {
      assertFalse(text.includes(`"${name}"`), name);
    }
    const own = text.slice(text.indexOf('"DefaultSelector"'));
    for (const method of ["register", "unregister", "modify", "select", "selectAsync", "getMap"]) {
      assert(own.includes(`"name":"${method}"`) || own.includes(`"name": "${method}"`), method);
    }
  },
});
