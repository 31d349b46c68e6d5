/** The rule of names of docs/formats.md, checked before any file is written or sent. */
import { FormatError } from "./errors.js";

const MOST_BYTES = 255;
/** What Windows takes for a drive, a stream, a device or another name, and what it cannot keep. */
const NOT_ON_WINDOWS =
  /[<>:"|?*]|[. ]$|^(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]|con(in|out)\$) *(\.|$)/i;

/** Tells what is wrong with one part of a path; undefined when nothing is. */
export function nameFault(name: string, system: string = process.platform): string | undefined {
  if (name === "" || name === "." || name === "..") return "is no name of a file";
  if (/[/\\\u0000-\u001f\u007f]/.test(name)) return "has a slash, a backslash or a control character";
  if (!name.isWellFormed()) return "is no valid Unicode";
  if (Buffer.byteLength(name) > MOST_BYTES) return `has more than ${MOST_BYTES} bytes`;
  if (system === "win32" && NOT_ON_WINDOWS.test(name)) return "is no name of a file on Windows";
  return undefined;
}

/**
 * Checks paths that shall be made together: all are plain, no two are one, and no file is where another path needs a
 * directory.
 *
 * @throws FormatError they are not.
 */
export function refuseNoTree(files: readonly string[], directories: readonly string[]): void {
  const taken = new Set<string>();
  for (const path of files) {
    if (taken.has(path)) throw new FormatError(`the version has two files ${JSON.stringify(path)}`);
    taken.add(path);
  }
  const needed = directories.map((path) => ({ path, parts: [...pathParts(path), ""] }));
  for (const path of files) needed.push({ path, parts: pathParts(path) });
  for (const { path, parts } of needed) {
    for (let count = 1; count < parts.length; count += 1) {
      const above = parts.slice(0, count).join("/");
      if (!taken.has(above)) continue;
      throw new FormatError(`the version has ${JSON.stringify(above)} as a file and as a directory of "${path}"`);
    }
  }
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
