/**
 * Text from a peer, or a file name, may contain sequences that drive the terminal it is printed on.
 *
 * @module
 */

/** Returns `text` with its control characters escaped, such as `\x1b`. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    return `\\x${character.codePointAt(0)!.toString(16).padStart(2, "0")}`;
  });
}
