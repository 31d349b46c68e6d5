/** Brings files to the server: what the store does not have, for a call that makes all of them visible at once. */
import type { Content, NewFile } from "../content.js";
import type { NewArtifactFile } from "../gen/argosy/v1/artifact.js";
import {
  BatchUploadBlobsRequest,
  BlobServiceService,
  FindMissingBlobsRequest,
  type GetCapabilitiesResponse,
} from "../gen/argosy/v1/blob_service.js";
import { refusal } from "../errors.js";
import { batches, SMALL_BYTES } from "./batches.js";
import type { Connection } from "./connection.js";
import { inParallel } from "./in_parallel.js";
import { isReason } from "./streams.js";
import { uploadContent } from "./upload.js";

/** How often it begins anew when files change under it, or blobs vanish. */
const ROUNDS = 3;

export interface SaveSettings {
  signal?: AbortSignal | undefined;
  /** Called with the bytes of each part of a large file that went out. */
  progressed?: ((bytes: number) => void) | undefined;
}

interface Measured extends NewFile {
  readonly digest: string;
  readonly size: number;
}

/**
 * Brings files to the server, or keeps them to travel inline, and calls `create` with what names them there.
 * `create` may be called again with a fresh request when a blob is missing after all.
 */
export async function createFrom<T>(
  connection: Connection,
  files: readonly NewFile[],
  settings: SaveSettings,
  create: (files: NewArtifactFile[]) => Promise<T>,
): Promise<T> {
  const limits = await connection.capabilities(settings.signal);
  for (let round = 1; ; round += 1) {
    try {
      const measured = await measureAll(files, settings.signal);
      const total = measured.reduce((sum, { size }) => sum + size, 0);
      if (total <= limits.maxInlineBytes) return await create(await inlined(measured, settings.signal));
      await sendMissing(connection, limits, measured, settings);
      return await create(measured.map(({ path, digest }) => newFile(path, { $case: "digest", value: digest })));
    } catch (error) {
      settings.signal?.throwIfAborted();
      if (!isReason(error, "DIGEST_MISMATCH", "BLOB_MISSING") || round === ROUNDS) throw error;
    }
  }
}

async function measureAll(files: readonly NewFile[], signal?: AbortSignal): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const file of files) {
    signal?.throwIfAborted();
    measured.push({ ...file, ...(await file.content.measure(signal)) });
  }
  return measured;
}

function newFile(path: string, content: NewArtifactFile["content"], inlineDigest = ""): NewArtifactFile {
  return { path, content, inlineDigest };
}

async function inlined(files: readonly Measured[], signal?: AbortSignal): Promise<NewArtifactFile[]> {
  const sent: NewArtifactFile[] = [];
  for (const { path, content, digest, size } of files) {
    sent.push(newFile(path, { $case: "inlineContent", value: await allOf(content, size, signal) }, digest));
  }
  return sent;
}

/** The bytes of a small file; one that has grown meanwhile is cut, which its digest shows. */
async function allOf(content: Content, size: number, signal?: AbortSignal): Promise<Buffer> {
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  for await (const piece of content.read(0, Math.max(1, size), signal)) {
    target.set(piece.subarray(0, size - at), at);
    at += Math.min(size - at, piece.byteLength);
    if (at === size) break;
  }
  return target.subarray(0, at);
}

async function sendMissing(
  connection: Connection,
  limits: GetCapabilitiesResponse,
  files: readonly Measured[],
  settings: SaveSettings,
): Promise<void> {
  const byDigest = new Map(files.map((file) => [file.digest, file]));
  const digests = [...byDigest.keys()];
  const missing: Measured[] = [];
  const most = limits.maxDigests || digests.length; // a server that names no limit has none
  for (let at = 0; at < digests.length; at += most) {
    const fields = { digests: digests.slice(at, at + most) };
    const answer = await connection.ask(BlobServiceService.findMissingBlobs, FindMissingBlobsRequest, fields, settings);
    missing.push(...answer.missingDigests.map((digest) => byDigest.get(digest) as Measured));
  }
  const small = missing.filter(({ size }) => size < SMALL_BYTES);
  for (const batch of batches(small, limits.maxBatchBytes, limits.maxBatchItems)) {
    await sendBatch(connection, batch, settings);
  }
  const large = missing.filter(({ size }) => size >= SMALL_BYTES);
  await inParallel(large, settings.signal, ({ content, digest, size }, signal) =>
    uploadContent(connection, { content, digest, size, signal, progressed: settings.progressed }),
  );
}

async function sendBatch(connection: Connection, batch: readonly Measured[], settings: SaveSettings): Promise<void> {
  const blobs: { digest: string; content: Buffer }[] = [];
  for (const { digest, content, size } of batch) {
    blobs.push({ digest, content: await allOf(content, size, settings.signal) });
  }
  const { statuses } = await connection.ask(
    BlobServiceService.batchUploadBlobs,
    BatchUploadBlobsRequest,
    { blobs },
    settings,
  );
  for (const [index, { code, reason, message }] of statuses.entries()) {
    if (code !== 0) throw refusal(`${batch[index]?.path ?? "a file"}: ${message}`, { code, reason });
  }
}
