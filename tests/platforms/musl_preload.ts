// Opens the libc.so of musl in place of the C library: see musl.sh.
const MUSL = Deno.env.get("MUSL")!;
const { dlopen } = Deno;
const symbols = { __errno_location: { parameters: [], result: "pointer" } } as const;
const location = dlopen(MUSL, symbols).symbols.__errno_location();
const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location!, 4));

// musl stores errno where glibc has the upper half of the thread's pointer guard, which exit(3)
// needs.
const guard = errno[0]!;
addEventListener("unload", () => errno[0] = guard);

Object.defineProperty(Deno, "dlopen", {
  value: (path: string, symbols: Deno.ForeignLibraryInterface) =>
    dlopen(path.startsWith("libc.so") ? MUSL : path, symbols),
});
