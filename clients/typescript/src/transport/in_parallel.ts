/** Transfers a few files at once; when one fails the others are stopped. */

/** How many streams of one client are open at once: several hide that each file costs a few round trips. */
const STREAMS = 4;
/** Files of this size or more keep the connection busy by themselves; each stream of them costs memory. */
const LONG_BYTES = 16 << 20;
const LONG_STREAMS = 2;

/**
 * Calls `work` for each file, for a few of them at once, and returns when all have ended.
 *
 * @throws the first error; the signal that `work` got aborts the others.
 */
export async function inParallel<T extends { readonly size: number }>(
  files: readonly T[],
  signal: AbortSignal | undefined,
  work: (file: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const linked = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  let failure: { error: unknown } | undefined;
  const lane = async (queue: Iterable<T>) => {
    for (const file of queue) {
      if (failure !== undefined) return;
      try {
        await work(file, linked);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }
  };
  const run = (queue: IterableIterator<T>, lanes: number) =>
    Promise.all(Array.from({ length: lanes }, () => lane(queue)));
  await run(files.filter(({ size }) => size < LONG_BYTES).values(), STREAMS);
  await run(files.filter(({ size }) => size >= LONG_BYTES).values(), LONG_STREAMS);
  if (failure !== undefined) throw failure.error;
}
