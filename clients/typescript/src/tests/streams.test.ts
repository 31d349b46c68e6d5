import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";

import type { ServerReadableStream, ServerWritableStream } from "@grpc/grpc-js";

import { resolveConfig } from "../config.js";
import { bytesContent, withSpooled } from "../content.js";
import { digestOf } from "../digest.js";
import { ArgosyClient, CorruptDataError, FormatError, StalledError } from "../index.js";
import { ArtifactVersion } from "../gen/argosy/v1/artifact.js";
import {
  ArtifactServiceService,
  type GetArtifactVersionRequest,
  GetArtifactVersionResponse,
} from "../gen/argosy/v1/artifact_service.js";
import { BlobServiceService, type ReadBlobRequest, Upload, UploadState } from "../gen/argosy/v1/blob_service.js";
import { withServer } from "./scripted_server.js";
import { Connection } from "../transport/connection.js";
import { readBlob, writeUpload } from "../transport/streams.js";
import { uploadContent } from "../transport/upload.js";
import { temporaryFolder, TestServer } from "./server.js";

const MiB = 1 << 20;
const DIGEST = digestOf(Buffer.alloc(0));

/** Seconds after which a stream that stands still is given up, where a test waits for that. */
const SOON = 0.3;

/** Runs `use` with a connection to a server that has these handlers. */
async function connected(
  handlers: Record<string, unknown>,
  use: (connection: Connection) => Promise<void>,
  idleTimeout = 60,
): Promise<void> {
  await withServer([{ definition: BlobServiceService, handlers }], async (server) => {
    const connection = new Connection(resolveConfig({ server, idleTimeout }, {}));
    try {
      await use(connection);
    } finally {
      connection.close();
    }
  });
}

test("a download that stands still is given up", async () => {
  const readBlobHandler = (call: ServerWritableStream<unknown, unknown>) => call.write({ chunk: Buffer.alloc(10) });
  const use = async (connection: Connection) => {
    let bytes = 0;
    const read = async () => {
      for await (const chunk of readBlob(connection, DIGEST, 0)) bytes += chunk.length;
    };
    // On a busy machine even the first bytes may come too late.
    while (bytes === 0) await assert.rejects(read(), StalledError);
    assert.equal(bytes, 10);
  };
  await connected({ readBlob: readBlobHandler }, use, SOON);
});

test("an upload takes no more from its source than a server takes, and is given up with it", async () => {
  let pulled = 0;
  async function* source() {
    for (; pulled < 100; pulled += 1) yield Buffer.alloc(MiB);
  }
  const writeUploadHandler = (call: ServerReadableStream<unknown, unknown>) => call.pause();
  const use = async (connection: Connection) => {
    const open = { uploadId: "u1", offset: 0, epoch: 1n };
    await assert.rejects(
      writeUpload(connection, open, source(), () => undefined),
      StalledError,
    );
  };
  await connected({ writeUpload: writeUploadHandler }, use, SOON);
  assert.ok(pulled <= 6, `${pulled} MiB were taken`);
});

test("a stream that its caller stops while it is spooled is rejected with the caller's reason", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  async function* source() {
    yield Buffer.alloc(10);
    stop.abort(reason);
    yield Buffer.alloc(10);
  }
  await assert.rejects(
    withSpooled(source(), stop.signal, () => Promise.resolve()),
    (error) => error === reason,
  );
});

test("a download takes no more from the network than its reader takes", async () => {
  let sent = 0;
  const readBlobHandler = async (call: ServerWritableStream<unknown, unknown>) => {
    while (!call.cancelled && sent < 200) {
      sent += 1;
      if (!call.write({ chunk: Buffer.alloc(MiB) })) await new Promise((resolve) => call.once("drain", resolve));
    }
  };
  await connected({ readBlob: readBlobHandler }, async (connection) => {
    const chunks = readBlob(connection, DIGEST, 0);
    await chunks.next();
    let before;
    do {
      before = sent;
      await sleep(200); // until it stands still, which it would not before 200
    } while (sent !== before);
    assert.ok(sent < 40, `${sent} MiB were sent to a reader that took 1`);
    await chunks.return(undefined);
  });
});

type Reply = (error: null, value: object) => void;

/** Handlers of a store that has one file, `weights`, and sends these bytes for it. */
function storeOf(file: { path: string; digest: string; sizeBytes: bigint }, sent: Buffer) {
  const artifactVersion = ArtifactVersion.fromPartial({
    name: "weights",
    version: "1",
    format: "bytes",
    files: [file],
  });
  const getArtifactVersion = ({ request }: { request: GetArtifactVersionRequest }, reply: Reply) => {
    const contents = sent.length <= Number(request.maxContentBytes) ? [sent] : [];
    reply(null, GetArtifactVersionResponse.fromPartial({ artifactVersion, contents }));
  };
  const batchReadBlobs = (_: unknown, reply: Reply) => reply(null, { results: [{ content: sent }] });
  const readBlob = (call: ServerWritableStream<ReadBlobRequest, unknown>) => {
    for (let at = Number(call.request.offset); at < sent.length; at += MiB) {
      call.write({ chunk: sent.subarray(at, at + MiB) });
    }
    call.end();
  };
  return [
    { definition: ArtifactServiceService, handlers: { getArtifactVersion } },
    { definition: BlobServiceService, handlers: { readBlob, batchReadBlobs } },
  ];
}

for (const size of [1000, 3 * MiB]) {
  test(`a bit that changed on its way never becomes a value: ${size} bytes`, async () => {
    const content = Buffer.alloc(size, 7);
    const file = { path: "data.bin", digest: digestOf(content), sizeBytes: BigInt(size) };
    const changed = Buffer.from(content);
    changed[size - 1] = 6;
    const target = join(temporaryFolder(), "target");
    await withServer(storeOf(file, changed), async (server) => {
      const client = new ArgosyClient({ server });
      await assert.rejects(client.load("weights"), CorruptDataError);
      await assert.rejects(client.download("weights", target), CorruptDataError);
      await assert.rejects((await client.open("weights")).toArray(), CorruptDataError);
      client.close();
    });
    assert.deepEqual(readdirSync(dirname(target)), []);
    await withServer(storeOf(file, content), async (server) => {
      const client = new ArgosyClient({ server });
      assert.ok((await client.load<Buffer>("weights")).value.equals(content));
      client.close();
    });
  });
}

test("a name that leads out of the target is refused before anything is written", async () => {
  const target = join(temporaryFolder(), "target");
  for (const path of ["../evil", "/evil", "a/../../evil", "a\\..\\evil", "a//evil"]) {
    const file = { path, digest: DIGEST, sizeBytes: 0n };
    await withServer(storeOf(file, Buffer.alloc(0)), async (server) => {
      const client = new ArgosyClient({ server });
      await assert.rejects(client.download("weights", target), FormatError);
      client.close();
    });
  }
  assert.deepEqual(readdirSync(dirname(target)), []);
});

test("an upload that is aborted gives its upload back", async () => {
  const aborted: string[] = [];
  const upload = Upload.fromPartial({ id: "u1", state: UploadState.UPLOAD_STATE_OPEN });
  const handlers = {
    createUpload: (_: unknown, reply: Reply) => reply(null, { upload }),
    writeUpload: (call: ServerReadableStream<unknown, unknown>) => call.resume(),
    abortUpload: ({ request }: { request: { uploadId: string } }, reply: Reply) => {
      aborted.push(request.uploadId);
      reply(null, {});
    },
  };
  await connected(handlers, async (connection) => {
    const stop = new AbortController();
    const reason = new Error("stopped");
    const bytes = Buffer.alloc(8 * MiB);
    const wish = { content: bytesContent(bytes), digest: digestOf(bytes), size: bytes.length, signal: stop.signal };
    await assert.rejects(uploadContent(connection, { ...wish, progressed: () => stop.abort(reason) }), reason);
  });
  assert.deepEqual(aborted, ["u1"]);
});

test("what the caller's progress function throws ends the save", async () => {
  const server = await TestServer.start();
  const client = new ArgosyClient({ server: server.address });
  const progressed = () => {
    throw new RangeError("a defect of the caller");
  };
  await assert.rejects(client.save("a", Buffer.alloc(3 * MiB), { progressed }), RangeError);
  client.close();
  await server.kill("SIGTERM");
});

test("of several servers those that are there answer", async () => {
  const server = await TestServer.start();
  const client = new ArgosyClient({ server: `grpc://127.0.0.1:1,${server.address}` });
  await client.save("a", Buffer.alloc(3 * MiB, 1));
  for (let load = 0; load < 20; load += 1) assert.equal((await client.load<Buffer>("a")).value.length, 3 * MiB);
  client.close();
  await server.kill("SIGTERM");
});
