/** Reads files of versions: resumed where they broke, and verified before anybody may use them. */
import { constants } from "node:buffer";

import { CorruptDataError, FormatError, refusal, StalledError } from "../errors.js";
import { Hasher } from "../digest.js";
import type { ArtifactFile } from "../gen/argosy/v1/artifact.js";
import { BatchReadBlobsRequest, BlobServiceService } from "../gen/argosy/v1/blob_service.js";
import { Backoff, worthRetrying } from "./backoff.js";
import { batches, SMALL_BYTES } from "./batches.js";
import type { Connection } from "./connection.js";
import { inParallel } from "./in_parallel.js";
import { readBlob } from "./streams.js";

/** What is read of a file; every reader needs nothing else. */
export interface StoredFile {
  readonly path: string;
  readonly digest: string;
  readonly size: number;
}

export function storedFile({ path, digest, sizeBytes }: ArtifactFile): StoredFile {
  return { path, digest, size: Number(sizeBytes) };
}

/**
 * Yields the bytes of a file in order, going on after breaks. Its last piece comes only when all bytes have the
 * digest of the store: whoever gets an error must not use what came before.
 *
 * @throws CorruptDataError other bytes came.
 * @throws BlobCorruptError the stored bytes are damaged.
 */
export async function* fileChunks(
  connection: Connection,
  file: StoredFile,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const hasher = new Hasher();
  let held: Buffer | undefined;
  for await (const chunk of resumedChunks(connection, file, signal)) {
    if (held !== undefined) yield held;
    hasher.update(chunk);
    held = chunk;
  }
  verify(file, hasher);
  if (held !== undefined) yield held;
}

/** Throws unless exactly the bytes of the file were hashed. */
export function verify(file: StoredFile, hasher: Hasher): void {
  if (hasher.size !== file.size || hasher.digest() !== file.digest) {
    throw new CorruptDataError(
      `"${file.path}": ${hasher.size} bytes came that are not the ${file.size} bytes the store has a digest for; ` +
        "nothing of them was used; try again, and if it stays so run `argosy-server verify`",
    );
  }
}

async function* resumedChunks(
  connection: Connection,
  { path, digest, size }: StoredFile,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const backoff = new Backoff();
  for (let offset = 0; offset < size;) {
    try {
      for await (const chunk of readBlob(connection, digest, offset, signal)) {
        if (chunk.byteLength === 0) continue;
        offset += chunk.byteLength;
        backoff.progressed();
        yield chunk;
        // Too many bytes are no file of the store; reading on would never end.
        if (offset > size) return;
      }
      if (offset < size) {
        throw new StalledError(`"${path}": the stream ended after ${offset} of ${size} bytes without an error`);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!worthRetrying(error)) throw error;
      await backoff.pause(error, signal);
    }
  }
}

/** Returns the bytes of files, in their order: small ones in batches, large ones by streams, several at once. */
export async function readFiles(
  connection: Connection,
  files: readonly StoredFile[],
  signal?: AbortSignal,
): Promise<Buffer[]> {
  for (const { path, size } of files) {
    if (size > constants.MAX_LENGTH) {
      throw new FormatError(`"${path}" has ${size} bytes, more than a Buffer holds; use open() or download()`);
    }
  }
  const contents = new Map<string, Buffer>();
  await readSmall(
    connection,
    files.filter(({ size }) => size < SMALL_BYTES),
    signal,
    async ({ digest }, bytes) => {
      contents.set(digest, bytes);
    },
  );
  const large = new Map(files.filter(({ size }) => size >= SMALL_BYTES).map((file) => [file.digest, file]));
  await inParallel([...large.values()], signal, async (file, stop) => {
    const target = Buffer.allocUnsafeSlow(file.size);
    let at = 0;
    for await (const chunk of fileChunks(connection, file, stop)) {
      at += chunk.copy(target, at);
    }
    contents.set(file.digest, target);
  });
  return files.map(({ digest }) => contents.get(digest) as Buffer);
}

/** Reads small files in batches and hands each to `take` when it is verified. */
export async function readSmall(
  connection: Connection,
  files: readonly StoredFile[],
  signal: AbortSignal | undefined,
  take: (file: StoredFile, bytes: Buffer) => Promise<void>,
): Promise<void> {
  if (files.length === 0) return;
  const { maxBatchBytes, maxBatchItems } = await connection.capabilities(signal);
  for (const batch of batches(files, maxBatchBytes, maxBatchItems)) {
    const fields = { digests: batch.map(({ digest }) => digest) };
    const settings = { signal };
    const { results } = await connection.ask(BlobServiceService.batchReadBlobs, BatchReadBlobsRequest, fields, settings);
    for (const [index, file] of batch.entries()) {
      const { status, content = Buffer.alloc(0) } = results[index] ?? {};
      if (status !== undefined && status.code !== 0) throw refusal(`"${file.path}": ${status.message}`, status);
      await take(file, verified(file, content));
    }
  }
}

/** Returns bytes that were received whole, once they are verified. */
export function verified(file: StoredFile, bytes: Buffer): Buffer {
  const hasher = new Hasher();
  hasher.update(bytes);
  verify(file, hasher);
  return bytes;
}
