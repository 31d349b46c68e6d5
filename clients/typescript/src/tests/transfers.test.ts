import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Readable } from "node:stream";

import { ArgosyClient, ArtifactNotFoundError, directory, file, FormatError, VersionExistsError } from "../index.js";
import { TestServer } from "./server.js";

const MiB = 1 << 20;
let server: TestServer;
let client: ArgosyClient;

before(async () => {
  server = await TestServer.start();
  client = new ArgosyClient({ server: server.address });
});

after(async () => {
  client.close();
  await server.kill("SIGTERM");
});

const sizes = {
  empty: 0,
  "one byte": 1,
  "as much as travels inline": MiB,
  "more than travels inline": MiB + 1,
  large: 20 * MiB + 7,
};
for (const [what, size] of Object.entries(sizes)) {
  test(`bytes come back: ${what}`, async () => {
    const content = randomBytes(size);
    const saved = await client.save(`bytes/${size}`, content);
    const { value, version } = await client.load<Buffer>(`bytes/${size}`);
    assert.ok(value.equals(content));
    assert.equal(version.id, saved.id);
    assert.equal(version.format, "bytes");
  });
}

test("the same bytes are sent once", async () => {
  const content = randomBytes(3 * MiB);
  let sent = 0;
  const progressed = (bytes: number) => (sent += bytes);
  const first = await client.save("deduped", content, { progressed });
  assert.equal(sent, content.length);
  const second = await client.save("deduped-again", content, { progressed });
  assert.equal(sent, content.length);
  assert.equal(second.contentDigest, first.contentDigest);
});

test("a stream is kept as bytes", async () => {
  const pieces = [randomBytes(MiB), randomBytes(MiB), randomBytes(11)];
  async function* produce() {
    yield* pieces;
  }
  await client.save("stream/generator", produce());
  await client.save("stream/readable", Readable.from(pieces));
  for (const name of ["stream/generator", "stream/readable"]) {
    assert.ok((await client.load<Buffer>(name)).value.equals(Buffer.concat(pieces)));
  }
});

test("a stream that fails leaves no version", async () => {
  async function* produce() {
    yield randomBytes(2 * MiB);
    throw new Error("disk unplugged");
  }
  await assert.rejects(client.save("stream/broken", produce()), /disk unplugged/);
  await assert.rejects(client.get("stream/broken"), ArtifactNotFoundError);
});

test("open streams a file of any size, and stops when it is destroyed", async () => {
  const content = randomBytes(9 * MiB + 1);
  await client.save("opened", content);
  const pieces: Buffer[] = [];
  for await (const piece of await client.open("opened")) pieces.push(piece as Buffer);
  assert.ok(Buffer.concat(pieces).equals(content));
  const stream = await client.open("opened");
  for await (const piece of stream) {
    assert.ok((piece as Buffer).equals(content.subarray(0, (piece as Buffer).length)));
    break;
  }
  assert.ok(stream.destroyed);
});

test("open asks which file is meant when there are several", async () => {
  const folder = join(server.folder, "several");
  mkdirSync(folder);
  writeFileSync(join(folder, "a"), "1");
  writeFileSync(join(folder, "b"), "2");
  await client.save("several", directory(folder));
  await assert.rejects(
    client.open("several"),
    (error) => error instanceof FormatError && /name one as path/.test(error.message),
  );
  const stream = await client.open("several", { path: "content/b" });
  assert.equal(Buffer.concat(await stream.toArray()).toString(), "2");
});

test("a directory comes back with its tree, small and large files and empty directories", async () => {
  const folder = join(server.folder, "tree");
  mkdirSync(join(folder, "sub/deep"), { recursive: true });
  mkdirSync(join(folder, "empty/er"), { recursive: true });
  const contents = {
    "déjà.txt": Buffer.from("vu"),
    "sub/deep/large": randomBytes(2 * MiB),
    "sub/none": Buffer.alloc(0),
  };
  for (const [path, bytes] of Object.entries(contents)) writeFileSync(join(folder, path), bytes);
  await client.save("tree", directory(folder));
  const target = join(server.folder, "tree-again");
  await client.download("tree", target);
  const found = readdirSync(target, { recursive: true, encoding: "utf8" }).sort();
  const expected = ["déjà.txt", "empty", "empty/er", "sub", "sub/deep", "sub/deep/large", "sub/none"];
  assert.deepEqual(found, expected.sort());
  for (const [path, bytes] of Object.entries(contents)) assert.ok(readFileSync(join(target, path)).equals(bytes), path);
});

test("a file keeps its name, and a target that is filled is refused untouched", async () => {
  const path = join(server.folder, "model.onnx");
  writeFileSync(path, "weights");
  await client.save("model", file(path));
  const target = join(server.folder, "model");
  await client.download("model", target);
  assert.equal(readFileSync(join(target, "model.onnx"), "utf8"), "weights");
  await assert.rejects(client.download("model", target), /is there already/);
  assert.deepEqual(
    readdirSync(server.folder).filter((name) => name.includes(".argosy-")),
    [],
  );
});

test("a label is taken once", async () => {
  await client.save("labelled", "one", { version: "stable" });
  await assert.rejects(client.save("labelled", "two", { version: "stable" }), (error) => {
    assert.ok(error instanceof VersionExistsError);
    assert.equal(error.code, "ALREADY_EXISTS");
    assert.equal(error.reason, "VERSION_EXISTS");
    return true;
  });
  assert.equal((await client.load("labelled")).value, "one");
});

test("a missing alias tells so", async () => {
  await client.save("aliased", "one");
  await assert.rejects(client.load("aliased", { alias: "prod" }), ArtifactNotFoundError);
});

test("an upload goes on after the server was killed, and sends only what was lost", async () => {
  const content = randomBytes(48 * MiB);
  let sent = 0;
  let killed: Promise<void> | undefined;
  const progressed = (bytes: number) => {
    sent += bytes;
    if (sent >= content.length / 2) killed ??= server.restart();
  };
  await client.save("killed/upload", content, { progressed });
  await killed;
  // What was not durable yet, and what was on its way, was sent twice.
  assert.ok(sent < content.length + 24 * MiB, `${sent} bytes were sent`);
  const { value } = await client.load<Buffer>("killed/upload");
  assert.ok(value.equals(content));
});

test("a download goes on after the server was killed", async () => {
  const content = randomBytes(48 * MiB);
  await client.save("killed/download", content);
  let received = 0;
  let killed: Promise<void> | undefined;
  const pieces: Buffer[] = [];
  for await (const piece of await client.open("killed/download")) {
    pieces.push(piece as Buffer);
    received += (piece as Buffer).length;
    // It is gone before the next piece is taken, so that all but what was read ahead comes from the next one.
    if (received >= content.length / 2 && killed === undefined) await (killed = server.restart());
  }
  assert.ok(killed !== undefined);
  assert.ok(Buffer.concat(pieces).equals(content));
});

test("an aborted save rejects with the reason and leaves nothing behind", async () => {
  const stop = new AbortController();
  const reason = new Error("not wanted any more");
  const progressed = () => stop.abort(reason);
  await assert.rejects(client.save("aborted", randomBytes(24 * MiB), { signal: stop.signal, progressed }), reason);
  await assert.rejects(client.get("aborted"), ArtifactNotFoundError);
});
