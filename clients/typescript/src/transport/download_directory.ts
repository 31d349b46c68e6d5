/** Writes files of a version into a directory that exists whole or not at all. */
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { FormatError } from "../errors.js";
import { pathParts } from "../paths.js";
import type { Connection } from "./connection.js";
import { fileChunks, readSmall, type StoredFile } from "./download.js";
import { inParallel, STREAMS } from "./in_parallel.js";
import { SMALL_BYTES } from "./save_version.js";

/**
 * Downloads files to `target`. All names are checked before anything is written; the files appear when every one of
 * them is verified.
 *
 * @param emptyDirectories paths of directories to make beside the files.
 * @throws FormatError a path leads out of the target, or the target is there already and not empty.
 */
export async function downloadDirectory(
  connection: Connection,
  files: readonly StoredFile[],
  emptyDirectories: readonly string[],
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  const destination = resolve(target);
  for (const path of [...files.map(({ path }) => path), ...emptyDirectories]) pathParts(path);
  await refuseFilled(destination);
  await mkdir(dirname(destination), { recursive: true });
  const staging = join(dirname(destination), `.${basename(destination)}.argosy-${randomUUID()}`);
  await mkdir(staging);
  try {
    await fill(connection, files, emptyDirectories, staging, signal);
    await rename(staging, destination);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

async function refuseFilled(destination: string): Promise<void> {
  try {
    if ((await readdir(destination)).length === 0) return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
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
  await inParallel(large, STREAMS, signal, (file, stop) =>
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
