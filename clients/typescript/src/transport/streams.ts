/** Byte streams over gRPC in bounded memory: at most a few messages of a stream are held at once. */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

import { ServiceError, StalledError } from "../errors.js";
import {
  BlobServiceService,
  ReadBlobRequest,
  type ReadBlobResponse,
  WriteUploadOpen,
  type WriteUploadRequest,
  type WriteUploadResponse,
} from "../gen/argosy/v1/blob_service.js";
import type { Connection, Method } from "./connection.js";

/** How many messages of an upload may wait for the network. */
const MOST_WAITING = 2;
const CHUNK_TAG = 18; // field 2, length-delimited, of WriteUploadRequest
const READ_CHUNK_TAG = 10; // field 1, length-delimited, of ReadBlobResponse

/** WriteUpload, whose chunks are copied once instead of three times. */
const WRITE_UPLOAD: Method<WriteUploadRequest, WriteUploadResponse> = {
  ...BlobServiceService.writeUpload,
  requestSerialize: (message) => {
    if (message.part?.$case !== "chunk") return BlobServiceService.writeUpload.requestSerialize(message);
    const head = new BinaryWriter().uint32(CHUNK_TAG).uint32(message.part.value.byteLength).finish();
    return Buffer.concat([head, message.part.value]);
  },
};

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

/** Ends a call that makes no progress, and one whose caller does not want it any more. */
class Watchdog {
  private timer: NodeJS.Timeout | undefined;
  private fail!: (error: unknown) => void;
  /** Rejects when the call has to end. */
  readonly barks: Promise<never>;
  private readonly abort: () => void;

  constructor(
    /** How long it waits; Infinity is for ever. */
    public seconds: number,
    private readonly what: string,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.barks = new Promise((_, reject) => (this.fail = reject));
    this.barks.catch(() => undefined); // it is raced, not awaited
    this.abort = () => this.fail(signal?.reason);
    signal?.addEventListener("abort", this.abort, { once: true });
    if (signal?.aborted) this.abort();
  }

  /** Starts to wait anew. */
  progressed(): void {
    this.rest();
    const { seconds } = this;
    if (seconds === Infinity) return;
    this.timer = setTimeout(
      () => this.fail(new StalledError(`${this.what} made no progress for ${seconds} s (ARGOSY_IDLE_TIMEOUT)`)),
      seconds * 1000,
    );
  }

  /** Waits for nothing: it is the caller's turn. */
  rest(): void {
    clearTimeout(this.timer);
  }

  stop(): void {
    this.rest();
    this.signal?.removeEventListener("abort", this.abort);
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
  const watchdog = new Watchdog(patience.first, method.path.slice(1), signal);
  const messages = call[Symbol.asyncIterator]() as AsyncIterator<Response>;
  try {
    for (;;) {
      watchdog.progressed();
      const next = messages.next();
      next.catch(() => undefined); // when the watchdog wins
      const { done, value } = await Promise.race([next, watchdog.barks]);
      watchdog.rest();
      watchdog.seconds = patience.next;
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw toError(error);
  } finally {
    watchdog.stop();
    call.on("error", () => undefined); // of the cancellation, which nobody waits for
    call.cancel();
  }
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
  answer.catch(() => undefined); // it is raced below
  const { call } = await connection.clientStream(
    WRITE_UPLOAD,
    (error, response) => (response ? settle.resolve(response) : settle.reject(error)),
    signal,
  );
  const watchdog = new Watchdog(connection.config.idleTimeout, "WriteUpload", signal);
  // Rejects as soon as the server refuses; an answer alone, before all was sent, ends nothing.
  const refused = answer.then(() => new Promise<never>(() => undefined));
  refused.catch(() => undefined);
  call.on("error", () => undefined); // it is told through the answer
  const send = sender(call, progressed, () => watchdog.progressed());
  try {
    watchdog.progressed();
    const first = WriteUploadOpen.fromPartial({ ...open, project: connection.project, offset: BigInt(open.offset) });
    await Promise.race([send({ part: { $case: "open", value: first } }, 0), refused, watchdog.barks]);
    for await (const chunk of chunks) {
      const value = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      await Promise.race([send({ part: { $case: "chunk", value } }, value.byteLength), refused, watchdog.barks]);
    }
    call.end();
    watchdog.progressed();
    const { committedSize } = await Promise.race([answer, watchdog.barks]);
    return Number(committedSize);
  } catch (error) {
    call.cancel();
    throw error;
  } finally {
    watchdog.stop();
  }
}

/** Returns a function that writes a message, and waits while too many have not gone out. */
function sender(
  call: { write(message: WriteUploadRequest, sent: (error?: Error | null) => void): boolean },
  progressed: (bytes: number) => void,
  alive: () => void,
): (message: WriteUploadRequest, bytes: number) => Promise<void> {
  let waiting = 0;
  let release: (() => void) | undefined;
  return async (message, bytes) => {
    waiting += 1;
    call.write(message, (error) => {
      waiting -= 1;
      if (!error) {
        alive();
        progressed(bytes);
      }
      release?.();
      release = undefined;
    });
    if (waiting >= MOST_WAITING) await new Promise<void>((resolve) => (release = resolve));
  };
}

/** Tells whether an error is a refusal for one of these reasons. */
export function isReason(error: unknown, ...reasons: string[]): error is ServiceError {
  return error instanceof ServiceError && reasons.includes(error.reason);
}
