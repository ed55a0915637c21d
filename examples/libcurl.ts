/**
 * What curl_multi.ts uses of libcurl: its functions and constants under their C names, and
 * transfers.
 *
 * @module
 */

// <curl/curl.h>
const CURLOPT_URL = 10002;
const CURLOPT_WRITEFUNCTION = 20011;
const CURLINFO_EFFECTIVE_URL = 0x100001;
const CURLINFO_RESPONSE_CODE = 0x200002;

// <curl/multi.h>
export const CURLMOPT_SOCKETFUNCTION = 20001;
export const CURLMOPT_TIMERFUNCTION = 20004;
export const CURL_POLL_REMOVE = 4; // IN, OUT, INOUT equal EVENT_READ, EVENT_WRITE, and both
export const CURL_SOCKET_TIMEOUT = -1n;
// struct CURLMsg { CURLMSG msg; CURL *easy_handle; union { CURLcode result; } data; }
const CURLMsg = { easy_handle: 8, result: 16 } as const;

// On Apple silicon variadic arguments travel on the stack, behind the eight argument registers.
const isApple = Deno.build.target === "aarch64-apple-darwin";
const VARIADIC: "u64"[] = isApple ? Array(6).fill("u64") : [];
/** Stands before the variadic argument of `curl_multi_setopt` and its like. */
export const variadic: readonly bigint[] = VARIADIC.map(() => 0n);

const NAMES: Record<string, string> = { darwin: "libcurl.4.dylib", windows: "libcurl.dll" };

/** The functions of libcurl. */
export type Curl = NonNullable<ReturnType<typeof openCurl>>;

/** A transfer that has ended. */
export interface Ended {
  readonly url: string;
  /** Of HTTP; 0 where there was no response. */
  readonly status: number;
  /** Why it failed; empty otherwise. */
  readonly error: string;
}

/** Opens libcurl. Returns its functions, or undefined when it is not installed. */
export function openCurl() {
  try {
    return Deno.dlopen(NAMES[Deno.build.os] ?? "libcurl.so.4", {
      curl_easy_init: { parameters: [], result: "pointer" },
      curl_easy_setopt: {
        parameters: ["pointer", "i32", ...VARIADIC, "pointer"], // CURL *, CURLoption, …
        result: "i32",
      },
      curl_easy_setopt_string: {
        name: "curl_easy_setopt",
        parameters: ["pointer", "i32", ...VARIADIC, "buffer"],
        result: "i32",
      },
      curl_easy_getinfo: {
        parameters: ["pointer", "i32", ...VARIADIC, "buffer"], // CURL *, CURLINFO, …
        result: "i32",
      },
      curl_easy_strerror: { parameters: ["i32"], result: "pointer" },
      curl_easy_cleanup: { parameters: ["pointer"], result: "void" },
      curl_multi_init: { parameters: [], result: "pointer" },
      curl_multi_setopt: {
        parameters: ["pointer", "i32", ...VARIADIC, "pointer"], // CURLM *, CURLMoption, …
        result: "i32",
      },
      curl_multi_add_handle: { parameters: ["pointer", "pointer"], result: "i32" },
      curl_multi_remove_handle: { parameters: ["pointer", "pointer"], result: "i32" },
      curl_multi_socket_action: {
        parameters: ["pointer", "isize", "i32", "buffer"], // CURLM *, socket, events, int *running
        result: "i32",
      },
      curl_multi_info_read: { parameters: ["pointer", "buffer"], result: "pointer" },
      curl_multi_cleanup: { parameters: ["pointer"], result: "i32" },
    }).symbols;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

/** Adds the download of a URL to a multi handle. `onData` is a `curl_write_callback`. */
export function addTransfer(
  curl: Curl,
  multi: Deno.PointerValue,
  url: string,
  onData: Deno.PointerValue,
): void {
  const easy = curl.curl_easy_init();
  const text = new TextEncoder().encode(`${url}\0`); // libcurl copies it
  curl.curl_easy_setopt_string(easy, CURLOPT_URL, ...variadic, text);
  curl.curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ...variadic, onData);
  curl.curl_multi_add_handle(multi, easy);
}

/** Removes the transfers that have ended from a multi handle, and says how they ended. */
export function* endedTransfers(curl: Curl, multi: Deno.PointerValue): Generator<Ended> {
  const left = new Int32Array(1);
  const value = new BigUint64Array(1);
  for (let message; (message = curl.curl_multi_info_read(multi, left)) !== null;) {
    const view = new Deno.UnsafePointerView(message);
    const easy = view.getPointer(CURLMsg.easy_handle);
    const result = view.getInt32(CURLMsg.result);
    curl.curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, ...variadic, value);
    const status = Number(BigInt.asUintN(32, value[0]!)); // a long, of 32 bits on Windows
    curl.curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, ...variadic, value);
    const url = string(Deno.UnsafePointer.create(value[0]!));
    yield { url, status, error: result === 0 ? "" : string(curl.curl_easy_strerror(result)) };
    curl.curl_multi_remove_handle(multi, easy);
    curl.curl_easy_cleanup(easy);
  }
}

function string(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}
