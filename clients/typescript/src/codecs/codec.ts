/** What every value codec is: the translation between a value of JavaScript and the files of one format. */
import type { NewFile } from "../content.js";
import { FormatError } from "../errors.js";

/** Verified bytes of the files of a version, or of a part of it, by path. */
export type Files = ReadonlyMap<string, Buffer>;

export interface Codec<T = unknown> {
  /** The word that is recorded with the version. */
  readonly format: string;
  /** Tells whether a value is one of this format when none is asked for. */
  takes(value: unknown): boolean;
  /** @throws FormatError the format cannot keep the value. */
  encode(value: T): NewFile[] | Promise<NewFile[]>;
  /** @throws FormatError the files are not of this format. */
  decode(files: Files): T | Promise<T>;
}

/** Returns a file a format must have. */
export function fileOf(files: Files, format: string, path: string): Buffer {
  const found = files.get(path);
  if (found === undefined) throw new FormatError(`the version is of format "${format}", but has no file "${path}"`);
  return found;
}
