/** Vectors about transfers that break and lists in pages, against a server that plays them. */
import assert from "node:assert/strict";

import type { sendUnaryData, ServerReadableStream, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";

import { ArgosyClient } from "../client.js";
import { resolveConfig } from "../config.js";
import { bytesContent } from "../content.js";
import { digestOf } from "../digest.js";
import { CorruptDataError, ServiceError } from "../errors.js";
import {
  ArtifactServiceService,
  type ListArtifactsRequest,
  ListArtifactsResponse,
} from "../gen/argosy/v1/artifact_service.js";
import {
  BlobServiceService,
  type ReadBlobRequest,
  type ReadBlobResponse,
  Upload,
  UploadState,
  type WriteUploadRequest,
} from "../gen/argosy/v1/blob_service.js";
import { Connection } from "../transport/connection.js";
import { fileChunks } from "../transport/download.js";
import { uploadContent } from "../transport/upload.js";
import { contentOf } from "./rule_vectors.js";
import { callError, type ToldStatus, withServer } from "./scripted_server.js";
import type { Vector } from "./vectors.js";

const CHUNK_BYTES = 1 << 20;
/** A timer may go off a little before its time. */
const TIMER_SLACK = 0.01;

interface Step {
  call: string;
  offset?: number;
  epoch?: number;
  pause?: [number, number];
  answer?: {
    upload?: { id: string; state: "OPEN" | "COMMITTED" | "ABORTED"; committed_size: number; epoch: number };
    committed_size?: number;
    status?: ToldStatus;
  };
  until?: number;
  flip?: number;
  status?: ToldStatus;
}

interface Scenario {
  name: string;
  size_bytes: number;
  steps: Step[];
  result: string;
  may_stop?: boolean;
}

/** Hands out the steps of a scenario, and keeps the first thing that was not as it says. */
class Script {
  private at = 0;
  private answered = performance.now();
  private fault: Error | undefined;

  constructor(private readonly steps: readonly Step[]) {}

  next(call: string, told: { offset?: number; epoch?: number } = {}): Step {
    const step = this.steps[this.at++];
    const waited = (performance.now() - this.answered) / 1000;
    try {
      assert.equal(call, step?.call ?? "no further call", `call ${this.at}`);
      assert.deepEqual(
        { ...told },
        { ...("offset" in told ? { offset: step?.offset } : {}), ...("epoch" in told ? { epoch: step?.epoch } : {}) },
      );
      const [least] = step?.pause ?? [0];
      assert.ok(waited >= least - TIMER_SLACK, `waited ${waited} s before call ${this.at}, not ${least} s`);
    } catch (error) {
      this.fault ??= error as Error;
      throw error;
    }
    return step as Step;
  }

  /** A step was answered: the pause before the next one begins. */
  done(): void {
    this.answered = performance.now();
  }

  note(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.fault ??= error as Error;
    }
  }

  end(isWhole: boolean): void {
    if (this.fault !== undefined) throw this.fault;
    if (isWhole) assert.equal(this.at, this.steps.length, "calls that were not made");
  }
}

export function resumeVectors({ uploads, downloads }: { uploads: Scenario[]; downloads: Scenario[] }): Vector[] {
  return [
    ...uploads.map((scenario) => ({
      name: `upload: ${scenario.name}`,
      run: () => play(scenario, uploadHandlers, upload),
    })),
    ...downloads.map((scenario) => ({
      name: `download: ${scenario.name}`,
      run: () => play(scenario, downloadHandlers, download),
    })),
  ];
}

type Handlers = (script: Script, content: Buffer) => Record<string, unknown>;

async function play(
  scenario: Scenario,
  handlersOf: Handlers,
  transfer: (connection: Connection, content: Buffer) => Promise<void>,
): Promise<void> {
  const script = new Script(scenario.steps);
  const content = contentOf(scenario.size_bytes);
  const blobs = { definition: BlobServiceService, handlers: handlersOf(script, content) };
  await withServer([blobs], async (server) => {
    const connection = new Connection(resolveConfig({ server }, {}));
    let result = "done";
    try {
      await transfer(connection, content);
    } catch (error) {
      result =
        error instanceof CorruptDataError
          ? "CORRUPT"
          : error instanceof ServiceError
            ? error.reason || error.code
            : String(error);
    } finally {
      connection.close();
    }
    const hasStopped = scenario.may_stop === true && result !== "done";
    script.end(!hasStopped);
    if (!hasStopped) assert.equal(result, scenario.result);
  });
}

async function upload(connection: Connection, content: Buffer): Promise<void> {
  await uploadContent(connection, { content: bytesContent(content), digest: digestOf(content), size: content.length });
}

async function download(connection: Connection, content: Buffer): Promise<void> {
  const pieces: Buffer[] = [];
  const file = { path: "data.bin", digest: digestOf(content), size: content.length };
  for await (const piece of fileChunks(connection, file)) pieces.push(piece);
  assert.ok(Buffer.concat(pieces).equals(content));
}

type Reply = sendUnaryData<unknown>;

function uploadHandlers(script: Script, content: Buffer): Record<string, unknown> {
  const answer = (step: Step, reply: Reply) => {
    script.done();
    const { upload, status } = step.answer ?? {};
    if (status !== undefined) return reply(callError(status));
    if (upload === undefined) return reply(null, { digest: "", sizeBytes: 0n });
    const { id, committed_size: committed, epoch, state } = upload;
    const told = {
      id,
      committedSize: BigInt(committed),
      epoch: BigInt(epoch),
      state: UploadState[`UPLOAD_STATE_${state}`],
    };
    reply(null, { upload: Upload.fromPartial(told) });
  };
  const unary = (name: string) => (_: ServerUnaryCall<unknown, unknown>, reply: Reply) =>
    answer(script.next(name), reply);
  return {
    createUpload: unary("CreateUpload"),
    getUpload: unary("GetUpload"),
    commitUpload: unary("CommitUpload"),
    abortUpload: (_: unknown, reply: Reply) => reply(null, {}),
    writeUpload: (call: ServerReadableStream<WriteUploadRequest, unknown>, reply: Reply) => {
      let step: Step | undefined;
      const received: Buffer[] = [];
      call.on("data", ({ part }: WriteUploadRequest) => {
        if (part?.$case === "open") {
          const { offset, epoch } = part.value;
          step = script.next("WriteUpload", { offset: Number(offset), epoch: Number(epoch) });
          if (step.answer?.status !== undefined) answer(step, reply);
        } else if (part?.$case === "chunk") received.push(part.value);
      });
      call.on("end", () => {
        if (step?.answer?.committed_size === undefined) return;
        const expected = content.subarray(step.offset);
        script.note(() => assert.ok(Buffer.concat(received).equals(expected), "other bytes were sent"));
        script.done();
        reply(null, { committedSize: BigInt(step.answer.committed_size) });
      });
    },
  };
}

function downloadHandlers(script: Script, content: Buffer): Record<string, unknown> {
  return {
    readBlob: (call: ServerWritableStream<ReadBlobRequest, ReadBlobResponse>) => {
      const offset = Number(call.request.offset);
      const { until = 0, flip, status = { code: "OK", reason: "" } } = script.next("ReadBlob", { offset });
      const sent = Buffer.from(until > content.length ? contentOf(until) : content.subarray(0, until));
      if (flip !== undefined) sent[flip] = (sent[flip] as number) ^ 1;
      for (let at = offset; at < until; at += CHUNK_BYTES)
        call.write({ chunk: sent.subarray(at, Math.min(until, at + CHUNK_BYTES)) });
      script.done();
      if (status.code === "OK") call.end();
      else call.emit("error", callError(status));
    },
  };
}

interface PageVector {
  name: string;
  calls: { page_token: string; answer: { items: string[]; next_page_token: string } }[];
  items: string[];
}

export function pageVectors({ vectors }: { vectors: PageVector[] }): Vector[] {
  return vectors.map((vector) => ({ name: vector.name, run: () => checkPages(vector) }));
}

async function checkPages({ calls, items }: PageVector): Promise<void> {
  let at = 0;
  const listArtifacts = ({ request }: ServerUnaryCall<ListArtifactsRequest, unknown>, reply: Reply) => {
    const call = calls[at++];
    if (call === undefined || request.pageToken !== call.page_token || request.nameContains !== "wanted") {
      return reply(callError({ code: "OUT_OF_RANGE", reason: "CURSOR_EXPIRED" }));
    }
    const artifacts = call.answer.items.map((name) => ({ name }));
    reply(null, ListArtifactsResponse.fromPartial({ artifacts, nextPageToken: call.answer.next_page_token }));
  };
  await withServer([{ definition: ArtifactServiceService, handlers: { listArtifacts } }], async (server) => {
    const client = new ArgosyClient({ server });
    const names: string[] = [];
    for await (const { name } of client.list({ nameContains: "wanted" })) names.push(name);
    client.close();
    assert.deepEqual(names, items);
    assert.equal(at, calls.length);
  });
}
