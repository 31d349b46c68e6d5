/** Versions that no client of Argosy saves, and what callers may get wrong. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import type { ServerWritableStream } from "@grpc/grpc-js";

import { digestOf } from "../digest.js";
import { ArgosyClient, ClientClosedError, FormatError, InvalidFieldError } from "../index.js";
import {
  ArtifactServiceService,
  CreateArtifactVersionResponse,
  GetArtifactVersionResponse,
} from "../gen/argosy/v1/artifact_service.js";
import { BlobServiceService, GetCapabilitiesResponse } from "../gen/argosy/v1/blob_service.js";
import { nameFault } from "../paths.js";
import { withServer } from "./scripted_server.js";
import { temporaryFolder } from "./server.js";

const CONTENT = Buffer.from('{"name":"d","empty_directories":["void"]}');
const sendContent = (call: ServerWritableStream<unknown, unknown>) => {
  call.write({ chunk: CONTENT });
  call.end();
};
type Reply = (error: null, value: unknown) => void;

/** Runs `use` with a client of a server whose one version has these files, all with the same content. */
async function withVersion(
  format: string,
  paths: readonly string[],
  use: (client: ArgosyClient) => Promise<void>,
  readBlob: unknown = undefined,
): Promise<void> {
  const size = readBlob === undefined ? CONTENT.length : 1 << 20; // above some size it is read as a stream
  const files = paths.map((path) => ({ path, digest: digestOf(CONTENT), sizeBytes: BigInt(size) }));
  const artifactVersion = { name: "strange", version: "1", format, files };
  const told = GetArtifactVersionResponse.fromPartial({ artifactVersion });
  const getArtifactVersion = (_: unknown, reply: Reply) => reply(null, told);
  const batchReadBlobs = ({ request }: { request: { digests: string[] } }, reply: Reply) =>
    reply(null, { results: request.digests.map(() => ({ content: CONTENT })) });
  const blobs = { batchReadBlobs, readBlob: readBlob ?? sendContent };
  const services = [
    { definition: ArtifactServiceService, handlers: { getArtifactVersion } },
    { definition: BlobServiceService, handlers: blobs },
  ];
  await withServer(services, async (server) => {
    const client = new ArgosyClient({ server });
    try {
      await use(client);
    } finally {
      client.close();
    }
  });
}

const REFUSED: [string, string[]][] = [
  ["file", ["a", "b"]],
  ["file", []],
  ["file", ["a/b"]],
  ["file", ["a", "a"]],
  ["bytes", ["a", "a/b"]],
  ["bytes", ["a/b", "a"]],
  ["bytes", ["a", "a"]],
  ["directory", ["directory.json", "content/a", "content/a/b"]],
  ["directory", ["directory.json", "content/void"]],
  ["directory", ["directory.json", "content/void/a/b", "content/void/a"]],
  ["directory", ["directory.json", "content/a", "other/b"]],
];
for (const [format, paths] of REFUSED) {
  test(`refused before anything is written: ${format} of ${paths.join(", ") || "nothing"}`, async () => {
    const folder = temporaryFolder();
    await withVersion(format, paths, async (client) => {
      await assert.rejects(client.download("strange", join(folder, "target")), FormatError);
    });
    assert.deepEqual(readdirSync(folder), []);
  });
}

test("what only Windows has no file for is refused there alone", () => {
  const strange = ["C:x", "a:b", "CON", "nul.txt", "com1", "LPT9.log", "a.", "a ", "what?", "conin$"];
  assert.deepEqual(strange.filter((name) => nameFault(name, "win32") === undefined), []);
  assert.deepEqual(strange.filter((name) => nameFault(name, "linux") !== undefined), []);
  const plain = ["console", "a.b", ".hidden", "nullable.txt", "com10", "e con"];
  assert.deepEqual(plain.filter((name) => nameFault(name, "win32") !== undefined), []);
});

test("previews are no part of a value", async () => {
  const folder = temporaryFolder();
  await withVersion("file", ["a", ".argosy/previews/0.png"], async (client) => {
    await client.download("strange", join(folder, "target"));
    assert.deepEqual(await (await client.open("strange")).toArray(), [CONTENT]);
  });
  assert.deepEqual(readdirSync(join(folder, "target")), ["a"]);
});

test("a link to an empty directory stays, and is filled", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "place"));
  symlinkSync(join(folder, "place"), join(folder, "link"));
  await withVersion("file", ["a"], async (client) => {
    await client.download("strange", join(folder, "link"));
  });
  assert.equal(readlinkSync(join(folder, "link")), join(folder, "place"));
  assert.deepEqual([readdirSync(folder), readdirSync(join(folder, "place"))], [["link", "place"], ["a"]]);
});

test("a client that is closed ends what is on its way, and takes no more", async () => {
  let asked!: () => void;
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  const readBlob = () => asked(); // and never answers
  await withVersion("bytes", ["data.bin"], async (client) => {
    const load = client.load("strange");
    void load.catch(() => undefined);
    await isAsked;
    client.close();
    await assert.rejects(load, ClientClosedError);
    await assert.rejects(client.load("strange"), ClientClosedError);
    await assert.rejects(client.save("strange", 1), ClientClosedError);
    await assert.rejects(client.watch(), ClientClosedError);
  }, readBlob);
});

test("a server that names no limit is asked for all digests at once", async () => {
  const asked: string[][] = [];
  const getCapabilities = (_: unknown, reply: Reply) =>
    reply(null, GetCapabilitiesResponse.fromPartial({ protocolRevision: 1, oldestProtocolRevision: 1 }));
  const findMissingBlobs = ({ request }: { request: { digests: string[] } }, reply: Reply) => {
    asked.push(request.digests);
    reply(null, { missingDigests: [], knownSizes: [] });
  };
  const createArtifactVersion = (_: unknown, reply: Reply) =>
    reply(null, CreateArtifactVersionResponse.fromPartial({ artifactVersion: { version: "1" } }));
  const services = [
    { definition: ArtifactServiceService, handlers: { createArtifactVersion } },
    { definition: BlobServiceService, handlers: { getCapabilities, findMissingBlobs } },
  ];
  await withServer(services, async (server) => {
    const client = new ArgosyClient({ server });
    assert.equal((await client.save("model", CONTENT)).version, "1");
    client.close();
  });
  assert.deepEqual(asked, [[digestOf(CONTENT)]]);
});

test("what stands for another name, or for no choice, is refused and not sent", async () => {
  await withVersion("bytes", ["data.bin"], async (client) => {
    await assert.rejects(client.save("\ud800", 1), /half of a surrogate pair/);
    await assert.rejects(client.save("a", 1, { tags: ["\ud800"] }), InvalidFieldError);
    await assert.rejects(client.load("a\udc00"), InvalidFieldError);
    const none = null as unknown as string; // of callers in JavaScript
    for (const empty of [{ version: "" }, { alias: "" }, { pipeline: "" }, { alias: none }]) {
      await assert.rejects(client.load("strange", empty), /leave it out for the latest/);
    }
  });
});

test("what save cannot keep is an error of this client that tells the cure", async () => {
  await withVersion("bytes", ["data.bin"], async (client) => {
    const refused = async (value: unknown, options: object, cure: RegExp) => {
      const isTold = (error: unknown) => error instanceof FormatError && cure.test(error.message);
      await assert.rejects(client.save("a", value, options), isTold);
    };
    for (const lost of [1n, NaN, { auc: -Infinity }, new Map(), [new Set()]]) {
      await refused(1, { metadata: { a: lost } }, /metadata "a" is nothing JSON can say/);
    }
    await refused(1, { aliases: "prod" }, /aliases is "prod"; write a list/);
    await refused(1, { tags: "good" }, /tags is "good"; write a list/);
    await refused(new Float32Array(2), {}, /write new NpyArray/);
  });
});
