/** Byte streams over gRPC in bounded memory: at most a few messages of a stream are held at once. */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

import { ServiceError, StalledError } from "../errors.js";
import {
  BlobServiceService,
  ReadBlobRequest,
  type ReadBlobResponse,
  WriteUploadOpen,
  type WriteUploadResponse,
} from "../gen/argosy/v1/blob_service.js";
import type { Connection, Method } from "./connection.js";

/** How many messages of an upload may wait for the network. */
const MOST_WAITING = 2;
const CHUNK_TAG = 18; // field 2, length-delimited, of WriteUploadRequest
const READ_CHUNK_TAG = 10; // field 1, length-delimited, of ReadBlobResponse

/** WriteUpload, whose messages are encoded before they are handed to gRPC: a chunk is copied once instead of thrice. */
const WRITE_UPLOAD: Method<Buffer, WriteUploadResponse> = {
  ...BlobServiceService.writeUpload,
  requestSerialize: (message) => message,
};

/** Encodes a chunk; its bytes may change as soon as this returns. */
function chunkMessage(chunk: Uint8Array): Buffer {
  const head = new BinaryWriter().uint32(CHUNK_TAG).uint32(chunk.byteLength).finish();
  return Buffer.concat([head, chunk]);
}

/** ReadBlob, whose chunks stay where gRPC received them. */
const READ_BLOB: Method<ReadBlobRequest, ReadBlobResponse> = {
  ...BlobServiceService.readBlob,
  responseDeserialize: (message) => {
    if (message[0] !== READ_CHUNK_TAG) return BlobServiceService.readBlob.responseDeserialize(message);
    const reader = new BinaryReader(message);
    reader.uint32();
    const length = reader.uint32();
    if (reader.pos + length !== message.byteLength) return BlobServiceService.readBlob.responseDeserialize(message);
    return { chunk: message.subarray(reader.pos) };
  },
};

/**
 * Cancels a call that makes no progress, and one whose caller does not want it any more. It cancels rather than races:
 * a race with a promise that lives as long as the call would keep every message until the call ends.
 */
class Watchdog {
  private timer: NodeJS.Timeout | undefined;
  private verdict: { error: unknown } | undefined;
  private readonly abort: () => void;

  /** @param seconds how long it waits; Infinity is for ever. */
  constructor(
    public seconds: number,
    private readonly what: string,
    private readonly signal: AbortSignal | undefined,
    private readonly cancel: () => void,
  ) {
    this.abort = () => this.bark(signal?.reason);
    signal?.addEventListener("abort", this.abort, { once: true });
    if (signal?.aborted) this.abort();
  }

  /** Starts to wait anew. */
  progressed(): void {
    this.rest();
    const { seconds } = this;
    if (seconds === Infinity) return;
    const stalled = () => new StalledError(`${this.what} made no progress for ${seconds} s (ARGOSY_IDLE_TIMEOUT)`);
    this.timer = setTimeout(() => this.bark(stalled()), seconds * 1000);
  }

  /** Waits for nothing: it is the caller's turn. */
  rest(): void {
    clearTimeout(this.timer);
  }

  /** Throws what the call was cancelled for, if it was. */
  check(): void {
    if (this.verdict !== undefined) throw this.verdict.error;
  }

  stop(): void {
    this.rest();
    this.signal?.removeEventListener("abort", this.abort);
  }

  private bark(error: unknown): void {
    this.verdict ??= { error };
    this.cancel();
  }
}

/** How many seconds a stream may say nothing: before its first message, and between two. */
export interface Patience {
  readonly first: number;
  readonly next: number;
}

/**
 * Reads messages of a server stream as they come, and no more of them than are asked for.
 *
 * @throws StalledError nothing came for as long as `patience` says; Infinity is for ever.
 */
export async function* receive<Request, Response>(
  connection: Connection,
  method: Method<Request, Response>,
  request: Request,
  patience: Patience,
  signal?: AbortSignal,
): AsyncGenerator<Response> {
  signal?.throwIfAborted();
  const { call, toError } = await connection.serverStream(method, request, signal);
  readAhead(call, MOST_WAITING);
  const watchdog = new Watchdog(patience.first, method.path.slice(1), signal, () => call.cancel());
  const messages = call[Symbol.asyncIterator]() as AsyncIterator<Response>;
  try {
    for (;;) {
      watchdog.progressed();
      const { done, value } = await messages.next();
      watchdog.rest();
      watchdog.check();
      watchdog.seconds = patience.next;
      if (done) return;
      yield value;
    }
  } catch (error) {
    watchdog.check();
    throw toError(error);
  } finally {
    watchdog.stop();
    call.on("error", () => undefined); // of the cancellation, which nobody waits for
    call.cancel();
  }
}

/**
 * Sets how many messages a stream reads ahead. It is 16 otherwise, which is meant for small objects: four streams of
 * messages of 1 MiB would hold 64 MiB. There is no option for it where gRPC makes the stream.
 */
function readAhead(stream: object, messages: number): void {
  const state = (stream as { _readableState?: { highWaterMark: number } })._readableState;
  if (state !== undefined) state.highWaterMark = messages;
}

/** Reads a range of a blob; 0 as `limit` is all that follows. */
export async function* readBlob(
  connection: Connection,
  digest: string,
  offset: number,
  limit: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const { project } = connection;
  const request = ReadBlobRequest.fromPartial({ project, digest, offset: BigInt(offset), limit: BigInt(limit) });
  const { idleTimeout } = connection.config;
  const patience = { first: idleTimeout, next: idleTimeout };
  for await (const { chunk } of receive(connection, READ_BLOB, request, patience, signal)) {
    yield chunk;
  }
}

/**
 * Writes chunks to an upload and returns how many bytes the server holds then.
 *
 * @param progressed is called with the bytes of each chunk that went out.
 * @throws StalledError neither a chunk went out nor an answer came in for the idle timeout.
 */
export async function writeUpload(
  connection: Connection,
  open: { uploadId: string; offset: number; epoch: bigint },
  chunks: AsyncIterable<Uint8Array>,
  progressed: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<number> {
  signal?.throwIfAborted();
  let settle!: { resolve: (answer: WriteUploadResponse) => void; reject: (error: unknown) => void };
  const answer = new Promise<WriteUploadResponse>((resolve, reject) => (settle = { resolve, reject }));
  answer.catch(() => undefined); // it is awaited at the end, or its error told by the sender
  let sender: Sender | undefined;
  const answered = (error: unknown, response?: WriteUploadResponse) => {
    if (response !== undefined) return settle.resolve(response);
    settle.reject(error);
    sender?.refuse(error);
  };
  const { call } = await connection.clientStream(WRITE_UPLOAD, answered, signal);
  call.on("error", () => undefined); // it is told through the answer
  const watchdog = new Watchdog(connection.config.idleTimeout, "WriteUpload", signal, () => call.cancel());
  sender = new Sender(call, () => watchdog.progressed(), progressed);
  try {
    watchdog.progressed();
    const first = WriteUploadOpen.fromPartial({ ...open, project: connection.project, offset: BigInt(open.offset) });
    const message = BlobServiceService.writeUpload.requestSerialize({ part: { $case: "open", value: first } });
    await sender.send(message, 0);
    for await (const chunk of chunks) await sender.send(chunkMessage(chunk), chunk.byteLength);
    call.end();
    watchdog.progressed();
    const { committedSize } = await answer;
    sender.tell();
    return Number(committedSize);
  } catch (error) {
    call.cancel();
    watchdog.check();
    throw error;
  } finally {
    watchdog.stop();
  }
}

/** Writes messages one after the other, and waits while too many of them have not gone out. */
class Sender {
  private waiting = 0;
  /** Bytes that have gone out and were not told yet. */
  private untold = 0;
  private refusal: { error: unknown } | undefined;
  private release: () => void = () => undefined;

  constructor(
    private readonly call: { write(message: Buffer, sent: (error?: Error | null) => void): boolean },
    private readonly alive: () => void,
    private readonly progressed: (bytes: number) => void,
  ) {}

  /** Takes no more messages: whoever sends one gets the error. */
  refuse(error: unknown): void {
    this.refusal ??= { error };
    this.release();
  }

  async send(message: Buffer, bytes: number): Promise<void> {
    this.check();
    this.waiting += 1;
    this.call.write(message, (error) => {
      this.waiting -= 1;
      if (!error) {
        this.untold += bytes;
        this.alive();
      }
      this.release();
    });
    if (this.waiting >= MOST_WAITING) await new Promise<void>((resolve) => (this.release = resolve));
    this.check();
    this.tell();
  }

  /** Tells what has gone out. Not from where gRPC says so: what the caller's function throws would be lost there. */
  tell(): void {
    const bytes = this.untold;
    this.untold = 0;
    if (bytes > 0) this.progressed(bytes);
  }

  private check(): void {
    if (this.refusal !== undefined) throw this.refusal.error;
  }
}

/** Tells whether an error is a refusal for one of these reasons. */
export function isReason(error: unknown, ...reasons: string[]): error is ServiceError {
  return error instanceof ServiceError && reasons.includes(error.reason);
}
