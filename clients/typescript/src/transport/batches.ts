/** Many small files in one call, in either direction. */

/** Smaller files travel in batches. */
export const SMALL_BYTES = 256 << 10;
/** What an item of a batch takes beside its bytes, at most. */
const ITEM_OVERHEAD = 128;

/** Cuts files into batches within the limits of the server, each as full as it gets in the order they have. */
export function* batches<T extends { readonly size: number }>(
  files: readonly T[],
  mostBytes: number,
  mostItems: number,
): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const file of files) {
    const size = file.size + ITEM_OVERHEAD;
    if (batch.length > 0 && (bytes + size > mostBytes || batch.length === mostItems)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(file);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
