/**
 * A release contains the files of the publish list and no others, and imports nothing else.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { DENO, path, run } from "./helpers/programs.ts";

const ROOT = path("");
const env = { NO_COLOR: "1" };
// The contents of a release do not depend on the platform.
const onLinux = { ignore: Deno.build.os !== "linux" };

/** The files of a folder. */
async function sources(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(path(folder)));
  const names = await Promise.all(entries.map(({ name, isDirectory }) => {
    return isDirectory ? sources(`${folder}${name}/`) : [`${folder}${name}`];
  }));
  return names.flat();
}

Deno.test("Published is what the publish list says, and nothing else", onLinux, async () => {
  const { code, stdout, stderr } = await run(
    DENO,
    ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    { cwd: ROOT, env },
  );
  assertEquals(code, 0, stderr);
  const listed = (stdout + stderr).matchAll(/^ +file:\/\/(\S+) \(/gm)
    .map(([, file]) => file!.slice(file!.indexOf(ROOT) + ROOT.length)).toArray();
  const expected = [
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "deno.json",
    "mod.ts",
    ...await sources("ffi/"),
    ...await sources("os/"),
    ...await sources("selectors/"),
    ...await sources("io/"),
    ...await sources("ring/"),
  ];
  assertEquals(listed.sort(), expected.sort());
});

Deno.test("The library imports nothing but its own files", onLinux, async () => {
  for (const entry of ["mod.ts", "ffi/mod.ts", "ring/mod.ts"]) {
    const { stdout } = await run(DENO, ["info", "--json", path(entry)], { cwd: ROOT, env });
    const { modules } = JSON.parse(stdout);
    for (const { specifier } of modules) {
      assertMatch(
        specifier,
        /^(node:(async_hooks|timers|url)|file:.*\/(mod\.ts|(ffi|os|selectors|io|ring)\/(\w+\/)?\w+\.ts))$/,
      );
    }
  }
});

Deno.test(
  "What tests and plots take from npm is pinned, to the version and to what it holds",
  onLinux,
  () => {
    const { imports } = JSON.parse(Deno.readTextFileSync(path("deno.json")));
    const { specifiers, npm } = JSON.parse(Deno.readTextFileSync(path("deno.lock")));
    const fromNpm = Object.values<string>(imports).filter((specifier) =>
      specifier.startsWith("npm:")
    );
    assertEquals(Object.keys(specifiers).sort(), fromNpm.sort());
    for (const specifier of fromNpm) assertMatch(specifier, /@\d+\.\d+\.\d+$/);
    for (const [name, { integrity }] of Object.entries<{ integrity: string }>(npm)) {
      assertMatch(integrity, /^sha512-/, name);
    }
  },
);
