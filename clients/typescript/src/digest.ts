/** BLAKE3 digests as the store writes them: `blake3:` and 64 lower-case hex digits. */
import { createReadStream } from "node:fs";

import { Blake3Hasher } from "@napi-rs/blake-hash";

const READ_BYTES = 1 << 20;

/** Takes bytes piece by piece. */
export class Hasher {
  private readonly hasher = new Blake3Hasher();
  /** Bytes taken so far. */
  size = 0;

  update(bytes: Uint8Array): void {
    this.hasher.update(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.size += bytes.byteLength;
  }

  digest(): string {
    return `blake3:${this.hasher.digest("hex")}`;
  }
}

export function digestOf(bytes: Uint8Array): string {
  const hasher = new Hasher();
  hasher.update(bytes);
  return hasher.digest();
}

/** Reads a file once and tells the digest and size of what was read. */
export async function digestOfFile(path: string, signal?: AbortSignal): Promise<{ digest: string; size: number }> {
  const hasher = new Hasher();
  for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES, signal })) {
    hasher.update(piece as Buffer);
  }
  return { digest: hasher.digest(), size: hasher.size };
}
