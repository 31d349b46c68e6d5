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

const CHUNK_TAG = 18; // field 2, length-delimited, of WriteUploadRequest
const READ_CHUNK_TAG = 10; // field 1, length-delimited, of ReadBlobResponse
/** What a chunk's message has beside its bytes, at most. */
const MOST_HEAD_BYTES = 6;

/** WriteUpload, whose messages are encoded before they are handed to gRPC. */
const WRITE_UPLOAD: Method<Buffer, WriteUploadResponse> = {
  ...BlobServiceService.writeUpload,
  requestSerialize: (message) => message,
};

/** Encodes chunks one after the other into the same memory: new memory for each costs more than sending it. */
class ChunkEncoder {
  private memory = Buffer.alloc(0);

  /** The message is good until the next one is asked for, and the chunk may change at once. */
  encode(chunk: Uint8Array): Buffer {
    const head = new BinaryWriter().uint32(CHUNK_TAG).uint32(chunk.byteLength).finish();
    const size = head.byteLength + chunk.byteLength;
    if (this.memory.byteLength < size) this.memory = Buffer.allocUnsafeSlow(chunk.byteLength + MOST_HEAD_BYTES);
    this.memory.set(head);
    this.memory.set(chunk, head.byteLength);
    return this.memory.subarray(0, size);
  }
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
  readAhead(call, 1);
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

/** Reads a blob from a place on. */
export async function* readBlob(
  connection: Connection,
  digest: string,
  offset: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const request = connection.request(ReadBlobRequest, { digest, offset: BigInt(offset) });
  const { idleTimeout } = connection.config;
  const patience = { first: idleTimeout, next: idleTimeout };
  for await (const { chunk } of receive(connection, READ_BLOB, request, patience, signal)) {
    yield chunk;
  }
}

/**
 * Writes chunks to an upload and returns how many bytes the server holds then. One chunk is on its way while the next
 * one is read.
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
  let refusal: { error: unknown } | undefined;
  let answer: WriteUploadResponse | undefined;
  let wake = (): void => undefined;
  const { call } = await connection.clientStream(
    WRITE_UPLOAD,
    (error, response) => {
      if (response === undefined) refusal = { error };
      else answer = response;
      wake();
    },
    signal,
  );
  call.on("error", () => undefined); // it is told through the answer
  const watchdog = new Watchdog(connection.config.idleTimeout, "WriteUpload", signal, () => call.cancel());
  /** Waits until `begin` calls back, or the call has ended. */
  const until = async (begin: (done: () => void) => void): Promise<void> => {
    watchdog.progressed();
    if (refusal === undefined) await new Promise<void>((resolve) => begin((wake = resolve)));
    if (refusal !== undefined) throw refusal.error;
    watchdog.progressed();
  };
  const send = async (message: Buffer, bytes: number): Promise<void> => {
    await until((sent) => call.write(message, () => sent()));
    if (bytes > 0) progressed(bytes);
  };
  try {
    const first = WriteUploadOpen.fromPartial({ ...open, project: connection.project, offset: BigInt(open.offset) });
    let sending = send(BlobServiceService.writeUpload.requestSerialize({ part: { $case: "open", value: first } }), 0);
    const encoder = new ChunkEncoder();
    for await (const chunk of chunks) {
      await sending;
      sending = send(encoder.encode(chunk), chunk.byteLength);
      sending.catch(() => undefined); // it is told when it is waited for
    }
    await sending;
    call.end();
    while (answer === undefined) await until(() => undefined);
    return Number(answer.committedSize);
  } catch (error) {
    call.cancel();
    watchdog.check();
    throw error;
  } finally {
    watchdog.stop();
  }
}

/** Tells whether an error is a refusal for one of these reasons. */
export function isReason(error: unknown, ...reasons: string[]): error is ServiceError {
  return error instanceof ServiceError && reasons.includes(error.reason);
}
