/**
 * Escapes what a terminal would take for a command. Messages contain names that other programs
 * chose: a peer's abstract name, a hostname, a path.
 *
 * @module
 */

// C0 and C1 control characters and DEL; line and paragraph separators; what changes the direction
// of text (the "Trojan Source" characters); and halves of surrogate pairs, which UTF-8 cannot
// encode.
const CONTROLS =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;

/** `text` with each control character as `\x1b` or `\u202e`. Escaping it again has no effect. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    const [prefix, digits] = code < 0x100 ? ["\\x", 2] : ["\\u", 4];
    return prefix + code.toString(16).padStart(digits, "0");
  });
}
