// Makes Deno say that this is macOS on arm64, before anything asks: see darwin.sh.
const build = { os: "darwin", arch: "aarch64", target: "aarch64-apple-darwin", vendor: "apple" };
Object.defineProperty(Deno, "build", { value: { ...Deno.build, ...build } });
