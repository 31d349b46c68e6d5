/** Waiting between attempts, by the rules of docs/transfer.md. */
import { setTimeout as sleep } from "node:timers/promises";

import { type ArgosyError, ServiceError, StalledError } from "../errors.js";

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Tells whether what failed may succeed when it is tried again, here or on another server. */
export function worthRetrying(error: unknown): error is ArgosyError {
  if (error instanceof StalledError) return true;
  if (!(error instanceof ServiceError)) return false;
  switch (error.code) {
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED":
    case "CANCELLED": // by a server; whoever aborts by a signal gets the signal's reason instead
      return true;
    case "INTERNAL": // without a reason it is a message that was cut in its middle
    case "UNKNOWN":
      return error.reason === "";
    case "RESOURCE_EXHAUSTED":
      return error.reason === "TOO_MUCH" || error.reason === ""; // gRPC itself refuses calls over its limit
    default:
      return false;
  }
}

/** Counts attempts without progress and sleeps between them. */
export class Backoff {
  private attempts = 0;

  /** @param mostAttempts how many may fail in a row; Infinity for a watch that has begun. */
  constructor(private readonly mostAttempts = ATTEMPTS) {}

  /** Something arrived: what failed before does not count any more. */
  progressed(): void {
    this.attempts = 0;
  }

  /**
   * Sleeps before the next attempt, with jitter: the clients of a server must not come back together.
   *
   * @param mostMs the longest it may sleep.
   * @throws the error itself when this was the last attempt, or the signal's reason.
   */
  async pause(error: unknown, signal?: AbortSignal, mostMs = LONGEST_PAUSE_MS): Promise<void> {
    this.attempts += 1;
    if (this.attempts >= this.mostAttempts) throw error;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.attempts, 10));
    const pause = Math.min(mostMs, longest / 2 + (Math.random() * longest) / 2);
    try {
      await sleep(pause, undefined, { signal });
    } catch (interrupted) {
      signal?.throwIfAborted();
      throw interrupted;
    }
  }
}
