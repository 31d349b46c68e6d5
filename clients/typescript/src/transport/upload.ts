/**
 * One upload: CreateUpload → WriteUpload → CommitUpload, going on after breaks. This is the loop of
 * docs/transfer.md; what it has sent is kept by the server whatever happens to either side.
 */
import { randomUUID } from "node:crypto";

import type { Content } from "../content.js";
import {
  AbortUploadRequest,
  BlobServiceService,
  CommitUploadRequest,
  CreateUploadRequest,
  GetUploadRequest,
  type Upload,
  UploadState,
} from "../gen/argosy/v1/blob_service.js";
import { Backoff, worthRetrying } from "./backoff.js";
import type { Connection } from "./connection.js";
import { isReason, writeUpload } from "./streams.js";

/** Refusals after which GetUpload, with which the next attempt begins, tells how to go on. */
export const ASKED_ABOUT = ["WRITE_PAST_END", "ILLEGAL_TRANSITION", "SUPERSEDED"];
/** Seconds an abandoned upload may take to be given back; it expires anyway. */
const ABORT_DEADLINE = 5;

export interface UploadWish {
  readonly content: Content;
  readonly digest: string;
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of each chunk that went out, those that are sent again included. */
  readonly progressed?: ((bytes: number) => void) | undefined;
}

/**
 * Makes the project have these bytes.
 *
 * @throws DigestMismatchError other bytes arrived than were declared: the content changed meanwhile.
 * @throws ArgosyError eight attempts in a row brought nothing, or the server refused. Nothing is left behind.
 */
export async function uploadContent(connection: Connection, wish: UploadWish): Promise<void> {
  const session = new Session(connection, wish);
  try {
    await session.run();
  } catch (error) {
    await session.abort();
    throw error;
  }
}

class Session {
  private readonly backoff = new Backoff();
  private upload: Upload | undefined;
  private kept = 0n;
  /** Whether a stream of ours ended without an answer: it may be the one that took over from us. */
  private isUnanswered = false;
  private commitId = randomUUID();

  constructor(
    private readonly connection: Connection,
    private readonly wish: UploadWish,
  ) {}

  async run(): Promise<void> {
    for (;;) {
      try {
        await this.attempt();
        return;
      } catch (error) {
        this.wish.signal?.throwIfAborted();
        if (isReason(error, "UPLOAD_NOT_FOUND")) this.upload = undefined;
        else if (!this.goesOn(error)) throw error;
        if (worthRetrying(error)) this.isUnanswered = true;
        await this.backoff.pause(error, this.wish.signal);
      }
    }
  }

  /** Gives the room back at once. What fails here is not told: the first error is the one that matters. */
  async abort(): Promise<void> {
    const { connection, upload } = this;
    if (upload === undefined || upload.state === UploadState.UPLOAD_STATE_COMMITTED) return;
    const request = AbortUploadRequest.fromPartial({
      project: connection.project,
      requestId: randomUUID(),
      uploadId: upload.id,
    });
    const settings = { retry: false, deadline: ABORT_DEADLINE };
    await connection.unary(BlobServiceService.abortUpload, request, settings).catch(() => undefined);
  }

  private async attempt(): Promise<void> {
    const { connection, wish } = this;
    const upload = await this.current();
    if (upload.state === UploadState.UPLOAD_STATE_COMMITTED) return;
    const offset = Number(upload.committedSize);
    const { preferredChunkBytes } = await connection.capabilities(wish.signal);
    const chunks = wish.content.read(offset, preferredChunkBytes, wish.signal);
    const open = { uploadId: upload.id, offset, epoch: upload.epoch + 1n };
    try {
      await writeUpload(connection, open, chunks, (bytes) => wish.progressed?.(bytes), wish.signal);
    } catch (error) {
      // It was aborted meanwhile.
      if (isReason(error, "ILLEGAL_TRANSITION")) this.upload = undefined;
      throw error;
    }
    this.isUnanswered = false;
    const request = CommitUploadRequest.fromPartial({
      project: connection.project,
      requestId: this.commitId,
      uploadId: upload.id,
      digest: wish.digest,
      sizeBytes: BigInt(wish.size),
    });
    await connection.unary(BlobServiceService.commitUpload, request, { signal: wish.signal, retry: false });
  }

  /** Where the upload stands; begins a new one when there is none that can go on. */
  private async current(): Promise<Upload> {
    const { connection, wish } = this;
    if (this.upload !== undefined) {
      const request = GetUploadRequest.fromPartial({ project: connection.project, uploadId: this.upload.id });
      const settings = { signal: wish.signal, retry: false };
      this.upload = needed((await connection.unary(BlobServiceService.getUpload, request, settings)).upload);
      if (this.upload.committedSize > this.kept) this.backoff.progressed();
      this.kept = this.upload.committedSize;
      if (this.upload.state !== UploadState.UPLOAD_STATE_ABORTED) return this.upload;
    }
    const request = CreateUploadRequest.fromPartial({
      project: connection.project,
      requestId: randomUUID(),
      digest: wish.digest,
      sizeBytes: BigInt(wish.size),
    });
    const answer = await connection.unary(BlobServiceService.createUpload, request, { signal: wish.signal });
    this.upload = needed(answer.upload);
    this.kept = 0n;
    this.commitId = randomUUID();
    return this.upload;
  }

  private goesOn(error: unknown): boolean {
    // The stream that took over may be our own one that was never answered; otherwise it is somebody else's.
    if (isReason(error, "SUPERSEDED")) return this.isUnanswered;
    return worthRetrying(error) || isReason(error, ...ASKED_ABOUT);
  }
}

function needed(upload: Upload | undefined): Upload {
  if (upload === undefined) throw new Error("the server answered without an upload");
  return upload;
}
