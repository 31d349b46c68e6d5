/**
 * Saves and loads artifacts of an Argosy server.
 *
 * A thin layer over the generated stubs in gen/: it makes request ids, cuts bytes into chunks and
 * checks every byte it receives against the BLAKE3 digest the store keeps for it.
 *
 *     const client = new ArgosyClient("grpc://127.0.0.1:50051");
 *     const weights = await client.load("weights", { alias: "prod" });
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";

import { blake3 } from "@noble/hashes/blake3.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ChannelCredentials, type ClientWritableStream } from "@grpc/grpc-js";

import { ArtifactSpec, type ArtifactFile, type ArtifactVersion, VersionSelector } from "./gen/argosy/v1/artifact.js";
import { ArtifactServiceClient } from "./gen/argosy/v1/artifact_service.js";
import {
  DownloadArtifactRequest,
  type DownloadArtifactResponse,
  type UploadArtifactRequest,
  type UploadArtifactResponse,
} from "./gen/argosy/v1/artifact_transfer.js";

/** Messages of 1 MiB are the fastest ones measured and far below the server's limit for one. */
const CHUNK_BYTES = 1 << 20;

/** Narrows which version of an artifact is meant; at most one of these, none means the latest. */
export type Selection = { version?: string; alias?: string; pipelineName?: string };

/** Bytes came that are not the ones the store has a digest for; they must not be used. */
export class CorruptDataError extends Error {}

/** A loaded version; its bytes are verified. */
export class LoadedArtifact {
  constructor(
    readonly version: ArtifactVersion,
    /** The bytes by path. */
    readonly files: ReadonlyMap<string, Buffer>,
  ) {}

  /** Returns a value saved in format `bytes`. */
  bytes(): Buffer {
    return this.file("bytes", "data.bin");
  }

  /** Returns a value saved in format `json`, as JSON.parse reads it. */
  json(): unknown {
    return JSON.parse(this.file("json", "data.json").toString("utf8"));
  }

  private file(format: string, path: string): Buffer {
    const { name, format: found } = this.version;
    if (found !== format) throw new Error(`"${name}" is in format "${found}", not "${format}"`);
    const content = this.files.get(path);
    if (content === undefined) throw new Error(`"${name}" has no file "${path}"`);
    return content;
  }
}

/** Speaks to one project of one server. */
export class ArgosyClient {
  /** The generated stub, for what this class does not wrap. */
  readonly artifacts: ArtifactServiceClient;

  /** Takes the address a server prints, `grpc://host:port`; plain text unless credentials say otherwise. */
  constructor(
    address: string,
    readonly project = "default",
    credentials: ChannelCredentials = ChannelCredentials.createInsecure(),
  ) {
    const target = address.replace(/^grpc:\/\//, "");
    if (target.includes("://")) throw new Error(`address "${address}": want grpc://host:port`);
    this.artifacts = new ArtifactServiceClient(target, credentials);
  }

  /** Releases the connection. */
  close(): void {
    this.artifacts.close();
  }

  /** Saves a value in format `bytes`, which every language reads back as raw bytes. */
  saveBytes(name: string, value: Uint8Array): Promise<ArtifactVersion> {
    return this.upload(ArtifactSpec.fromPartial({ name, format: "bytes" }), "data.bin", [value]);
  }

  /**
   * Saves all that `content` yields as the one file of a new version. The version becomes visible
   * only when the server has checked digest and size; after an error there is none.
   */
  async upload(
    spec: ArtifactSpec,
    path: string,
    content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<ArtifactVersion> {
    let call!: ClientWritableStream<UploadArtifactRequest>;
    const reply = new Promise<UploadArtifactResponse>((resolve, reject) => {
      call = this.artifacts.uploadArtifact((error, response) => (error ? reject(error) : resolve(response)));
    });
    const start = { project: this.project, requestId: randomUUID(), spec, path };
    try {
      // A refusal ends the sending at once, and with the status of the server.
      const response = await Promise.race([reply, sendAll(call, start, content).then(() => reply)]);
      if (response.artifactVersion === undefined) throw new Error("the server answered without a version");
      return response.artifactVersion;
    } catch (error) {
      call.cancel();
      throw error;
    }
  }

  /** Returns the selected version of an artifact with all its bytes in memory. */
  async load(name: string, selection: Selection = {}): Promise<LoadedArtifact> {
    const selector = VersionSelector.fromPartial({ name, ...selection });
    const request = DownloadArtifactRequest.fromPartial({ project: this.project, selector });
    let version: ArtifactVersion | undefined;
    let open: { file: ArtifactFile; chunks: Buffer[] } | undefined;
    const files = new Map<string, Buffer>();
    const call = this.artifacts.downloadArtifact(request);
    try {
      for await (const { part } of call as AsyncIterable<DownloadArtifactResponse>) {
        if (part?.$case === "version") version = part.value;
        else if (part?.$case === "fileStart" && !open && part.value.file) open = { file: part.value.file, chunks: [] };
        else if (part?.$case === "chunk" && open) open.chunks.push(part.value);
        else if (part?.$case === "fileEnd" && open) {
          files.set(open.file.path, verified(open.file, Buffer.concat(open.chunks)));
          open = undefined;
        } else throw new Error(`download "${name}": unexpected message ${part?.$case}`);
      }
    } catch (error) {
      call.cancel();
      throw error;
    }
    // An early end may look like a clean one, so count what came.
    if (version === undefined || open !== undefined || files.size !== version.files.length) {
      throw new Error(`download "${name}": the stream ended early`);
    }
    return new LoadedArtifact(version, files);
  }
}

async function sendAll(
  call: ClientWritableStream<UploadArtifactRequest>,
  start: { project: string; requestId: string; spec: ArtifactSpec; path: string },
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const send = async (part: UploadArtifactRequest["part"]) => {
    if (!call.write({ part })) await once(call, "drain");
  };
  const hasher = blake3.create();
  let size = 0n;
  await send({ $case: "start", value: start });
  for await (const piece of content) {
    for (let offset = 0; offset < piece.length; offset += CHUNK_BYTES) {
      const chunk = piece.subarray(offset, offset + CHUNK_BYTES);
      hasher.update(chunk);
      size += BigInt(chunk.length);
      await send({ $case: "chunk", value: Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) });
    }
  }
  await send({ $case: "finish", value: { digest: digestText(hasher.digest()), sizeBytes: size } });
  call.end();
}

function verified(file: ArtifactFile, content: Buffer): Buffer {
  if (BigInt(content.length) !== file.sizeBytes || digestText(blake3(content)) !== file.digest) {
    throw new CorruptDataError(`${file.path}: received bytes do not match their digest`);
  }
  return content;
}

function digestText(digest: Uint8Array): string {
  return `blake3:${bytesToHex(digest)}`;
}
