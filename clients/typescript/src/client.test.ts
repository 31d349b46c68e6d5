import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { blake3 } from "@noble/hashes/blake3.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { Server, ServerCredentials, type ServerWritableStream, status } from "@grpc/grpc-js";

import { ArgosyClient, CorruptDataError } from "./client.js";
import { ArtifactFile, ArtifactSpec, ArtifactVersion } from "./gen/argosy/v1/artifact.js";
import { ArtifactServiceService } from "./gen/argosy/v1/artifact_service.js";
import type {
  DownloadArtifactRequest,
  DownloadArtifactResponse,
  UploadArtifactRequest,
} from "./gen/argosy/v1/artifact_transfer.js";

type Part = NonNullable<DownloadArtifactResponse["part"]>;

/** A server that answers each download with `script` and keeps what uploads sent. */
const server = new Server();
let client: ArgosyClient;
let script: Part[] = [];
let refuseUploads = false;
let uploaded: UploadArtifactRequest[] = [];
let uploadEnded: Promise<void>;

before(async () => {
  server.addService(ArtifactServiceService, {
    downloadArtifact(call: ServerWritableStream<DownloadArtifactRequest, DownloadArtifactResponse>) {
      for (const part of script) call.write({ part });
      call.end();
    },
    uploadArtifact(call: AsyncIterable<UploadArtifactRequest>, reply: (error: object | null, value?: object) => void) {
      if (refuseUploads) return reply({ code: status.ALREADY_EXISTS, details: "taken" });
      const collect = async () => {
        for await (const message of call) uploaded.push(message);
        reply(null, { artifactVersion: ArtifactVersion.fromPartial({ version: "1" }) });
      };
      uploadEnded = collect().catch(() => undefined); // a cancelled call
    },
  } as never);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  client = new ArgosyClient(`grpc://127.0.0.1:${port}`);
});

after(() => {
  client.close();
  server.forceShutdown();
});

function downloadOf(declared: string, sent: string): Part[] {
  const content = Buffer.from(declared);
  const digest = `blake3:${bytesToHex(blake3(content))}`;
  const file = ArtifactFile.fromPartial({ path: "data.bin", digest, sizeBytes: BigInt(content.length) });
  return [
    { $case: "version", value: ArtifactVersion.fromPartial({ name: "a", format: "bytes", files: [file] }) },
    { $case: "fileStart", value: { file, offset: 0n } },
    { $case: "chunk", value: Buffer.from(sent) },
    { $case: "fileEnd", value: { sentBytes: BigInt(sent.length) } },
  ];
}

test("load returns bytes that match their digest", async () => {
  script = downloadOf("abc", "abc");
  const loaded = await client.load("a");
  assert.equal(loaded.bytes().toString(), "abc");
  assert.throws(() => loaded.json(), /in format "bytes", not "json"/);
});

test("load refuses changed bytes", async () => {
  script = downloadOf("abc", "abd");
  await assert.rejects(client.load("a"), CorruptDataError);
});

test("load refuses a stream that ends cleanly but early", async () => {
  for (const length of [0, 1, 2, 3]) {
    script = downloadOf("abc", "abc").slice(0, length);
    await assert.rejects(client.load("a"), /ended early/);
  }
});

test("load refuses bytes before their file", async () => {
  script = [{ $case: "chunk", value: Buffer.from("abc") }];
  await assert.rejects(client.load("a"), /unexpected message chunk/);
});

test("an upload ends with digest and size", async () => {
  uploaded = [];
  const content = Buffer.alloc((1 << 20) + 1, 7);
  await client.saveBytes("a", content);
  assert.deepEqual(
    uploaded.map(({ part }) => part?.$case),
    ["start", "chunk", "chunk", "finish"],
  );
  assert.deepEqual(uploaded.at(-1)?.part?.value, {
    digest: `blake3:${bytesToHex(blake3(content))}`,
    sizeBytes: BigInt(content.length),
  });
});

test("an upload of broken content is never finished", async () => {
  uploaded = [];
  async function* broken() {
    yield Buffer.from("abc");
    while (uploaded.length === 0) await setTimeout(1);
    throw new Error("disk unplugged");
  }
  const spec = ArtifactSpec.fromPartial({ name: "a", format: "bytes" });
  await assert.rejects(client.upload(spec, "data.bin", broken()), /disk unplugged/);
  await uploadEnded;
  assert.ok(uploaded.every(({ part }) => part?.$case !== "finish"));
});

test("a refused upload rejects with the status of the server", async () => {
  refuseUploads = true;
  try {
    // Far more than the flow-control window, so that the refusal comes while bytes are sent.
    await assert.rejects(client.saveBytes("a", Buffer.alloc(64 << 20)), { code: status.ALREADY_EXISTS });
  } finally {
    refuseUploads = false;
  }
});

test("another scheme is refused", () => {
  assert.throws(() => new ArgosyClient("http://127.0.0.1:1"), /want grpc:\/\//);
});
