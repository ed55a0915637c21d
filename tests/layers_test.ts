/**
 * The rules of the source layout, checked on the source files: which folder imports which, who asks
 * for the platform, how long files and comment lines are. CONTRIBUTING.md explains the layers.
 */

import { assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Folders that tools write. */
const NOT_OURS = [".git", "node_modules", "coverage", "bench/.cache", "bench/results"];

/** Files that a program writes, which no rule about comments applies to. */
const GENERATED: readonly string[] = [];

/** Every file of the repository, relative to its root, with its text if it is source code. */
const files = new Map([...walk("")].map((file) => [file, read(file)]));

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(`./${folder}`, ROOT))) {
    if (NOT_OURS.includes(folder + name)) continue;
    if (isDirectory) yield* walk(`${folder}${name}/`);
    else yield folder + name;
  }
}

function read(file: string): string {
  const isSource = /\.(ts|mjs|c|h|sh|py|go)$/.test(file) || file === ".ci/run";
  return isSource ? Deno.readTextFileSync(new URL(file, ROOT)) : "";
}

const isModule = (file: string) => file.endsWith(".ts");
const folderOf = (file: string) => file.includes("/") ? file.slice(0, file.indexOf("/") + 1) : file;

const FACES = ["mod.ts", "ffi/mod.ts", "ring/mod.ts"];
/** What the files of a folder may import besides each other: folders, and single files. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "ffi/": [],
  "os/": ["ffi/"],
  "selectors/": ["ffi/", "os/"],
  "io/": ["ffi/", "os/", "selectors/"],
  "ring/": ["ffi/", "os/", "selectors/", "io/"],
  "mod.ts": ["ffi/", "selectors/", "io/"],
  "examples/": FACES,
  "bench/": FACES,
  "docs/": [...FACES, "bench/"],
};

const LIBRARY = ["ffi/", "os/", "selectors/", "io/", "ring/", "mod.ts"];
const ABOVE_OS = ["selectors/", "io/", "ring/", "mod.ts"];
const MECHANISMS = ["select", "poll", "epoll", "kqueue", "afd"].map((name) =>
  `selectors/${name}.ts`
);

/** The statements by which a module imports another file of the repository, and that file. */
function imports(file: string): { statement: string; target: string }[] {
  const statements =
    /^(?:import|export|\})[^;"]*? from "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...files.get(file)!.matchAll(statements)].flatMap(([statement, ...specifiers]) => {
    const specifier = specifiers.find((text) => text !== undefined)!;
    if (!specifier.startsWith(".")) return [];
    const target = new URL(specifier, new URL(file, ROOT)).href.slice(ROOT.href.length);
    return [{ statement, target }];
  });
}

Deno.test("Imports go from a layer to those below it, never up", () => {
  const wrong = [...files.keys()].filter(isModule).flatMap((file) => {
    const allowed = MAY_IMPORT[folderOf(file)];
    if (allowed === undefined) return [];
    return imports(file).map(({ target }) => target)
      .filter((target) => folderOf(target) !== folderOf(file))
      .filter((target) => !allowed.includes(target) && !allowed.includes(folderOf(target)))
      .map((target) => `${file} imports ${target}`);
  });
  assertEquals(wrong, []);
});

Deno.test("No selector mechanism imports another", () => {
  const wrong = MECHANISMS.filter((file) => files.has(file)).flatMap((file) =>
    imports(file).filter(({ target }) => MECHANISMS.includes(target))
      .map(({ target }) => `${file} imports ${target}`)
  );
  assertEquals(wrong, []);
});

Deno.test('The library imports the C library as `import * as c from "../ffi/mod.ts"`', () => {
  const wrong = [...files.keys()]
    .filter((file) => ["os/", "selectors/", "io/", "ring/"].includes(folderOf(file)))
    .filter(isModule)
    .filter((file) =>
      imports(file).some(({ statement, target }) =>
        target === "ffi/mod.ts" && statement.startsWith("import") &&
        !statement.startsWith("import * as c ")
      )
    );
  assertEquals(wrong, []);
});

/** The examples that have to know which platform they run on. */
const PLATFORM_EXAMPLES = [
  "examples/echo_server_cli.ts", // SIGTERM is SIGBREAK on Windows
  "examples/inotify.ts", // Linux only
  "examples/learn/04_poll.ts", // says where its call does not exist
  "examples/learn/05_epoll.ts",
  "examples/learn/06_epoll_edge.ts",
  "examples/learn/07_kqueue.ts",
  "examples/learn/08_own_selector.ts",
  "examples/libcurl.ts", // the name of a shared library
  "examples/libpq_notify.ts",
  "examples/pty.ts", // the name of the C library, and the number of an ioctl
  "examples/timed_prompt.ts", // not on Windows
];

Deno.test("Only ffi/ and os/ ask which platform this is, and the examples that must know", () => {
  const asks = [...files.keys()].filter(isModule)
    .filter((file) => [...ABOVE_OS, "examples/"].includes(folderOf(file)))
    .filter((file) => /\bisWinsock\b|\bDeno\.build\b/.test(files.get(file)!))
    .sort();
  assertEquals(asks, PLATFORM_EXAMPLES.toSorted());
});

Deno.test("No file of selectors/, io/, os/ and ring/ has more than 450 lines", () => {
  const long = [...files].filter(([file]) =>
    ["selectors/", "io/", "os/", "ring/"].includes(folderOf(file))
  )
    .filter(([, text]) => text.split("\n").length - 1 > 450)
    .map(([file]) => file);
  assertEquals(long, []);
});

Deno.test("No two files of tests/ have the same name", () => {
  const names = [...files.keys()].filter((file) => file.startsWith("tests/"))
    .map((file) => file.slice(file.lastIndexOf("/") + 1));
  assertEquals(names.filter((name, index) => names.indexOf(name) !== index), []);
});

Deno.test("No comment line ends beyond column 100", () => {
  const long = [...files].filter(([file]) => !GENERATED.includes(file)).flatMap(longComments);
  assertEquals(long, []);
});

/** The lines of a file that have a comment and more than 100 characters. */
function longComments([file, text]: [file: string, text: string]): string[] {
  const isShell = /\.(sh|py)$|^\.ci\/run$/.test(file);
  const comment = isShell ? /^\s*#|\s#\s/ : /^\s*(\/\/|\/\*|\*)|\s\/[/*]/;
  return text.split("\n")
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.length > 100 && comment.test(line) && [...line].length > 100)
    .map(({ line, number }) => `${file}:${number}: ${line}`);
}

Deno.test("The library has the layers that the rules are about", () => {
  const missing = LIBRARY.filter((layer) =>
    ![...files.keys()].some((file) => folderOf(file) === layer)
  );
  assertEquals(missing, []);
});
