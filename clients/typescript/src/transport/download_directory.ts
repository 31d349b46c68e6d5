/** Writes files of a version into a directory that exists whole or not at all. */
import { randomUUID } from "node:crypto";
import { lstat, mkdir, open, readdir, realpath, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { FormatError } from "../errors.js";
import { pathParts, refuseNoTree } from "../paths.js";
import { SMALL_BYTES } from "./batches.js";
import type { Connection } from "./connection.js";
import { fileChunks, readSmall, type StoredFile } from "./download.js";
import { inParallel } from "./in_parallel.js";

/**
 * Downloads files to `target`. All names are checked before anything is written; the files appear when every one of
 * them is verified.
 *
 * @param emptyDirectories paths of directories to make beside the files.
 * @throws FormatError a path leads out of the target, two are in each other's way, or the target is there already and
 * not empty.
 */
export async function downloadDirectory(
  connection: Connection,
  files: readonly StoredFile[],
  emptyDirectories: readonly string[],
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  refuseNoTree(
    files.map(({ path }) => path),
    emptyDirectories,
  );
  const destination = await placeOf(target);
  const isThere = await isEmpty(destination);
  const staging = join(isThere ? destination : dirname(destination), `.argosy-${randomUUID()}`);
  await mkdir(staging, { recursive: true });
  try {
    await fill(connection, files, emptyDirectories, staging, signal);
    await (isThere ? moveInto(destination, staging) : rename(staging, destination));
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

/** Where a directory lies, or will lie: a link to it stays. */
async function placeOf(target: string): Promise<string> {
  try {
    await lstat(target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return resolve(target);
  }
  return realpath(target);
}

/** Moves what is complete into a directory that is there: no other one can take the place of a mounted one. */
async function moveInto(destination: string, staging: string): Promise<void> {
  const moved: string[] = [];
  try {
    for (const name of await readdir(staging)) {
      await rename(join(staging, name), join(destination, name));
      moved.push(join(destination, name));
    }
    await rmdir(staging);
  } catch (error) {
    for (const path of moved) await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/** Whether a directory is there; one with something in it is refused. */
async function isEmpty(destination: string): Promise<boolean> {
  try {
    if ((await readdir(destination)).length === 0) return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    if (code !== "ENOTDIR") throw error;
  }
  throw new FormatError(`${destination} is there already; name a directory that is new or empty`);
}

async function fill(
  connection: Connection,
  files: readonly StoredFile[],
  emptyDirectories: readonly string[],
  staging: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const place = (path: string) => join(staging, ...pathParts(path));
  const folders = [...emptyDirectories.map(place), ...files.map(({ path }) => dirname(place(path)))];
  for (const folder of new Set(folders)) await mkdir(folder, { recursive: true });
  await readSmall(
    connection,
    files.filter(({ size }) => size < SMALL_BYTES),
    signal,
    ({ path }, bytes) => writeNew(place(path), [bytes]),
  );
  const large = files.filter(({ size }) => size >= SMALL_BYTES);
  await inParallel(large, signal, (file, stop) =>
    writeNew(place(file.path), fileChunks(connection, file, stop)),
  );
}

/** Writes a file that must not be there yet; two paths that mean one file on this disk are refused so. */
async function writeNew(path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, "wx");
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.byteLength;) {
        at += (await handle.write(chunk, at, chunk.byteLength - at)).bytesWritten;
      }
    }
  } finally {
    await handle.close();
  }
}
