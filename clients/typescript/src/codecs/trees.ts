/** Formats `file` and `directory`: files of the disk as they are. */
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

import { bytesContent, fileContent, type NewFile } from "../content.js";
import { FormatError } from "../errors.js";
import { nameFault, pathParts } from "../paths.js";
import { type Files, fileOf } from "./codec.js";
import { decodeUtf8 } from "./text.js";

const CONTENT = "content/";

/** Stands for a file of the disk, to be saved under its own name. */
export class FileValue {
  constructor(readonly path: string) {}
}

/** Stands for a directory of the disk and all that is below it. */
export class DirectoryValue {
  constructor(readonly path: string) {}
}

/** A file of the disk as a value: `client.save("model", file("model.onnx"))`. */
export function file(path: string): FileValue {
  return new FileValue(path);
}

/** A directory of the disk as a value. */
export function directory(path: string): DirectoryValue {
  return new DirectoryValue(path);
}

/** @throws FormatError it is no file, or has a name no reader would take. */
export async function encodeFile({ path }: FileValue): Promise<NewFile[]> {
  const found = await stat(path);
  if (!found.isFile())
    throw new FormatError(`${path} is no file but ${found.isDirectory() ? "a directory" : "a special file"}`);
  const name = basename(resolve(path));
  refuseName(name, path);
  return [{ path: name, content: fileContent(path) }];
}

/** @throws FormatError it is no directory, or has links, special files or names no reader would take. */
export async function encodeDirectory({ path }: DirectoryValue): Promise<NewFile[]> {
  if (!(await stat(path)).isDirectory()) throw new FormatError(`${path} is no directory`);
  const name = basename(resolve(path));
  refuseName(name, path);
  const files: NewFile[] = [];
  const empty: string[] = [];
  await walk(path, "", files, empty);
  const told = Buffer.from(JSON.stringify({ name, empty_directories: empty }), "utf8");
  return [{ path: "directory.json", content: bytesContent(told) }, ...files];
}

async function walk(folder: string, below: string, files: NewFile[], empty: string[]): Promise<void> {
  const entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (entries.length === 0 && below !== "") empty.push(below);
  for (const entry of entries) {
    const full = join(folder, entry.name);
    refuseName(entry.name, full);
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) await walk(full, path, files, empty);
    else if (entry.isFile()) files.push({ path: `${CONTENT}${path}`, content: fileContent(full) });
    else {
      const what = entry.isSymbolicLink() ? "a symbolic link" : "a special file";
      throw new FormatError(`${full} is ${what}, which is not kept; remove it or copy what it stands for`);
    }
  }
}

function refuseName(name: string, path: string): void {
  // Node puts U+FFFD for what is no UTF-8 in a name, and that is another name.
  const fault = name.includes("\ufffd") ? "is no valid Unicode" : nameFault(name);
  if (fault !== undefined) throw new FormatError(`${path} cannot be kept: its name ${fault}; rename it`);
}

/** The path of the content inside a directory that a path of the version stands for; undefined for `directory.json`. */
export function contentPath(path: string): string | undefined {
  if (path === "directory.json") return undefined;
  if (!path.startsWith(CONTENT))
    throw new FormatError(`the version is a directory, but has the file ${JSON.stringify(path)}`);
  return path.slice(CONTENT.length);
}

/** Directories without files, which `directory.json` tells. */
export function emptyDirectories(files: Files): string[] {
  let told: unknown;
  try {
    told = JSON.parse(decodeUtf8(fileOf(files, "directory", "directory.json"), "directory.json"));
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`"directory.json" is no JSON document: ${(error as Error).message}`);
  }
  const empty = (told as { empty_directories?: unknown } | null)?.empty_directories ?? [];
  if (!Array.isArray(empty) || !empty.every((path) => typeof path === "string")) {
    throw new FormatError('"directory.json" has "empty_directories" that are no list of paths');
  }
  for (const path of empty as string[]) pathParts(path);
  return empty as string[];
}
