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
import { answered, type Connection } from "./connection.js";
import { isReason, writeUpload } from "./streams.js";

/** Refusals after which GetUpload, with which the next attempt begins, tells how to go on. */
export const ASKED_ABOUT = ["WRITE_PAST_END", "ILLEGAL_TRANSITION", "SUPERSEDED"];
/** The size of a chunk where the server names none. */
const CHUNK_BYTES = 1 << 20;
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
    const settings = { retry: false, deadline: ABORT_DEADLINE };
    await connection
      .ask(BlobServiceService.abortUpload, AbortUploadRequest, { uploadId: upload.id }, settings)
      .catch(() => undefined);
  }

  private async attempt(): Promise<void> {
    const { connection, wish } = this;
    const upload = await this.current();
    if (upload.state === UploadState.UPLOAD_STATE_COMMITTED) return;
    const offset = Number(upload.committedSize);
    const { preferredChunkBytes } = await connection.capabilities(wish.signal);
    const chunks = wish.content.read(offset, preferredChunkBytes || CHUNK_BYTES, wish.signal);
    const open = { uploadId: upload.id, offset, epoch: upload.epoch + 1n };
    try {
      await writeUpload(connection, open, chunks, (bytes) => wish.progressed?.(bytes), wish.signal);
    } catch (error) {
      // It was aborted meanwhile.
      if (isReason(error, "ILLEGAL_TRANSITION")) this.upload = undefined;
      throw error;
    }
    this.isUnanswered = false;
    const fields = {
      requestId: this.commitId,
      uploadId: upload.id,
      digest: wish.digest,
      sizeBytes: BigInt(wish.size),
    };
    const settings = { signal: wish.signal, retry: false };
    await connection.ask(BlobServiceService.commitUpload, CommitUploadRequest, fields, settings);
  }

  /** Where the upload stands; begins a new one when there is none that can go on. */
  private async current(): Promise<Upload> {
    const { connection, wish } = this;
    if (this.upload !== undefined) {
      const fields = { uploadId: this.upload.id };
      const settings = { signal: wish.signal, retry: false };
      const told = await connection.ask(BlobServiceService.getUpload, GetUploadRequest, fields, settings);
      this.upload = answered(told.upload);
      if (this.upload.committedSize > this.kept) this.backoff.progressed();
      this.kept = this.upload.committedSize;
      if (this.upload.state !== UploadState.UPLOAD_STATE_ABORTED) return this.upload;
    }
    const fields = { digest: wish.digest, sizeBytes: BigInt(wish.size) };
    const settings = { signal: wish.signal };
    const begun = await connection.ask(BlobServiceService.createUpload, CreateUploadRequest, fields, settings);
    this.upload = answered(begun.upload);
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
