/** BLAKE3 digests as the store writes them: `blake3:` and 64 lower-case hex digits. */
import { Blake3Hasher } from "@napi-rs/blake-hash";

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
