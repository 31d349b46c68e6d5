/** Bytes that can be read again from any offset, which is what an upload needs to go on after a break. */
import { createWriteStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { Hasher } from "./digest.js";
import { FormatError } from "./errors.js";

const READ_BYTES = 1 << 20;

/** Bytes of one file of a version. */
export interface Content {
  /** Reads all of it and tells what it is now. */
  measure(signal?: AbortSignal): Promise<{ digest: string; size: number }>;
  /**
   * Yields the bytes from `offset` on, in pieces of at most `chunkBytes`. A piece is good until the next one is asked
   * for: memory is used again.
   */
  read(offset: number, chunkBytes: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** A file of a version that is to be saved. */
export interface NewFile {
  readonly path: string;
  readonly content: Content;
}

/** Bytes in memory, in one or several parts. */
export function bytesContent(...parts: Uint8Array[]): Content {
  return {
    async measure() {
      const hasher = new Hasher();
      for (const part of parts) hasher.update(part);
      return { digest: hasher.digest(), size: hasher.size };
    },
    async *read(offset, chunkBytes) {
      let before = 0;
      for (const part of parts) {
        for (let at = Math.max(0, offset - before); at < part.byteLength; at += chunkBytes) {
          yield part.subarray(at, Math.min(part.byteLength, at + chunkBytes));
        }
        before += part.byteLength;
      }
    },
  };
}

/** A file on disk, read twice: to know its digest, and to send what the store does not have. */
export function fileContent(path: string): Content {
  const content: Content = {
    async measure(signal) {
      const hasher = new Hasher();
      for await (const piece of content.read(0, READ_BYTES, signal)) hasher.update(piece);
      return { digest: hasher.digest(), size: hasher.size };
    },
    async *read(offset, chunkBytes, signal) {
      const handle = await open(path);
      try {
        const buffer = Buffer.allocUnsafeSlow(chunkBytes);
        for (let at = offset; ;) {
          signal?.throwIfAborted();
          const { bytesRead } = await handle.read(buffer, 0, chunkBytes, at);
          if (bytesRead === 0) return;
          yield buffer.subarray(0, bytesRead);
          at += bytesRead;
        }
      } finally {
        await handle.close();
      }
    },
  };
  return content;
}

export type Stream = AsyncIterable<Uint8Array> | Iterable<Uint8Array> | Readable;

/**
 * Hands a stream, which cannot be read twice, to `use` as content: it is spooled into a temporary file first, so that
 * memory stays bounded and an upload can go on. The file is gone when `use` has ended.
 */
export async function withSpooled<T>(
  stream: Stream,
  signal: AbortSignal | undefined,
  use: (content: Content) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "argosy-spool-"));
  try {
    const path = join(folder, "content");
    const source = stream instanceof Readable ? stream : Readable.from(piecesOf(stream), { objectMode: false });
    // Its own error for a signal that aborts says neither that of the caller nor that the time was over.
    await pipeline(source, createWriteStream(path), { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
    return await use(fileContent(path));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* piecesOf(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of stream) {
    if (!(piece instanceof Uint8Array)) {
      throw new FormatError(`a stream of bytes yielded ${typeof piece}; yield Uint8Array or Buffer`);
    }
    yield piece;
  }
}
