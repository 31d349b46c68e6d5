/** The rule of names of docs/formats.md, checked before any file is written or sent. */
import { FormatError } from "./errors.js";

const MOST_BYTES = 255;

/** Tells what is wrong with one part of a path; undefined when nothing is. */
export function nameFault(name: string): string | undefined {
  if (name === "" || name === "." || name === "..") return "is no name of a file";
  if (/[/\\\u0000-\u001f\u007f]/.test(name)) return "has a slash, a backslash or a control character";
  if (!name.isWellFormed()) return "is no valid Unicode";
  if (Buffer.byteLength(name) > MOST_BYTES) return `has more than ${MOST_BYTES} bytes`;
  return undefined;
}

/**
 * Returns the parts of a relative path.
 *
 * @throws FormatError it is absolute, leads out of its directory, or has a part that is no name.
 */
export function pathParts(path: string): string[] {
  const parts = path.split("/");
  for (const part of parts) {
    const fault = nameFault(part);
    if (fault !== undefined) {
      throw new FormatError(`the path ${JSON.stringify(path)} is refused: ${JSON.stringify(part)} ${fault}`);
    }
  }
  return parts;
}
