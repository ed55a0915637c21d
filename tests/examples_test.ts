/**
 * The examples, run as programs with real peers. Some examples have files of their own.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DENO, hasCommand, path, Program, run } from "./helpers/programs.ts";

const INOTIFY = "examples/inotify.ts";
const LIBPQ = "examples/libpq_notify.ts";
const FLAGS = ["--allow-ffi"];

const isLinux = Deno.build.os === "linux";

// ─── inotify ────────────────────────────────────────────────────────────────────────────────────

Deno.test({
  name: "inotify.ts tells what happens in a folder, in order, and ends on Ctrl-C",
  ignore: !isLinux,
  async fn() {
    const folder = await Deno.makeTempDir();
    await using program = Program.start(INOTIFY, [folder], FLAGS);
    assertEquals(await program.line(), `watching ${folder}`);
    const lines = async (count: number) => {
      const lines: (string | null)[] = [];
      while (lines.length < count) lines.push(await program.line());
      return lines;
    };

    await Deno.writeTextFile(`${folder}/één`, "1");
    assertEquals(await lines(3), ["één created", "één modified", "één written and closed"]);
    await Deno.rename(`${folder}/één`, `${folder}/two`);
    assertEquals(await lines(2), ["één moved away", "two moved here"]);
    await Deno.mkdir(`${folder}/sub`);
    await Deno.remove(`${folder}/two`);
    assertEquals(await lines(2), ["sub/ created", "two deleted"]);
    await Deno.mkdir(`${folder}/\x1b[2J`);
    assertEquals(await lines(1), ["\\x1b[2J/ created"]);

    program.kill("SIGINT");
    assertEquals([await program.rest(), await program.code()], ["", 0]);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "inotify.ts ends with its folder, and says so of one that is not there",
  ignore: !isLinux,
  async fn() {
    const folder = await Deno.makeTempDir();
    await using program = Program.start(INOTIFY, [folder], FLAGS);
    assertEquals(await program.line(), `watching ${folder}`);
    await Deno.remove(folder);
    assertEquals([await program.rest(), await program.code()], ["the folder was deleted\n", 0]);

    const { code, stderr } = await run(DENO, ["run", ...FLAGS, path(INOTIFY), folder]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, `inotify_add_watch ${folder}: No such file or directory`);
  },
});

// ─── libpq ──────────────────────────────────────────────────────────────────────────────────────

/** The folder of the server's programs on Debian; elsewhere they are in PATH. */
function postgresFolder(): string | undefined {
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map(({ name }) => name).sort();
    if (versions.length > 0) return `/usr/lib/postgresql/${versions.at(-1)}/bin/`;
  } catch {
    // Not Debian.
  }
  return hasCommand("initdb") && hasCommand("postgres") ? "" : undefined;
}

const postgres = isLinux ? postgresFolder() : undefined;
const isRoot = isLinux && Deno.uid() === 0; // the server refuses to run as root
const canServe = postgres !== undefined && hasCommand("psql") &&
  (!isRoot || (hasCommand("runuser") && (await run("id", ["postgres"])).code === 0));

/** A private server that listens on a Unix socket in its own folder. */
class Postgres implements AsyncDisposable {
  readonly folder: string;
  readonly #server: Deno.ChildProcess;

  static async start(): Promise<Postgres> {
    const folder = await Deno.makeTempDir({ prefix: "pg" });
    if (isRoot) await run("chown", ["postgres", folder]);
    const data = `${folder}/data`;
    const init = await Postgres.#run("initdb", [
      "--auth=trust",
      "--no-sync",
      "-U",
      "test",
      "-D",
      data,
    ]);
    assertEquals(init.code, 0, init.stderr);
    return new Postgres(folder, data);
  }

  private constructor(folder: string, data: string) {
    this.folder = folder;
    // deno-fmt-ignore
    const [command, ...args] = Postgres.#command("postgres", ["-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]);
    this.#server = new Deno.Command(command!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    })
      .spawn();
  }

  get conninfo(): string {
    return `host=${this.folder} user=test dbname=postgres`;
  }

  /** Resolves when the server answers. */
  async ready(): Promise<void> {
    while ((await this.sql("SELECT 1")).code !== 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  sql(command: string): Promise<{ code: number; stdout: string; stderr: string }> {
    return run("psql", ["-X", "-q", "-d", this.conninfo, "-c", command]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // If it runs under runuser, that program forwards SIGTERM, which is a "smart" shutdown.
    this.#server.kill("SIGTERM");
    await this.#server.status;
    await Deno.remove(this.folder, { recursive: true });
  }

  static #command(program: string, args: string[]): string[] {
    const command = [`${postgres}${program}`, ...args];
    return isRoot ? ["runuser", "-u", "postgres", "--", ...command] : command;
  }

  static #run(program: string, args: string[]) {
    const [command, ...rest] = Postgres.#command(program, args);
    return run(command!, rest);
  }
}

Deno.test({
  name:
    "libpq_notify.ts prints what is sent to its channel, ends on Ctrl-C, and says when it lost the server" +
    (canServe ? "" : " (left out: PostgreSQL is not installed; Debian: postgresql, libpq5)"),
  ignore: !canServe,
  async fn() {
    await using server = await Postgres.start();
    await server.ready();
    const channel = 'a "quoted" channel';
    const notify = (text: string) => server.sql(`NOTIFY "a ""quoted"" channel", '${text}'`);

    await using program = Program.start(LIBPQ, [server.conninfo, channel], FLAGS);
    assertEquals(await program.line(), `listening on ${channel}`);
    assertEquals((await notify("hello, wörld")).code, 0);
    assertMatch((await program.line())!, /^a "quoted" channel \(from \d+\): hello, wörld$/);
    for (let i = 0; i < 20; i++) await notify(`number ${i}`);
    for (let i = 0; i < 20; i++) {
      const line = await program.line();
      assert(line?.endsWith(`: number ${i}`), String(line));
    }
    program.kill("SIGINT");
    assertEquals([await program.rest(), await program.code()], ["", 0]);

    const wrong = await run(DENO, [
      "run",
      ...FLAGS,
      path(LIBPQ),
      `${server.conninfo} port=1`,
      "c",
    ]);
    assertEquals([wrong.code, wrong.stdout], [1, ""]);
    assertStringIncludes(wrong.stderr, "No such file or directory");

    await using orphan = new Program(
      DENO,
      ["run", ...FLAGS, path(LIBPQ), server.conninfo, "orphan"],
      { stderr: "null" },
    );
    assertEquals(await orphan.line(), "listening on orphan");
    await server.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    );
    assertEquals([await orphan.rest(), await orphan.code()], ["", 1]);
  },
});
