import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Readable } from "node:stream";

import { ArtifactNotFoundError, directory, file, FormatError, VersionExistsError } from "../index.js";
import { Store } from "./server.js";

const MiB = 1 << 20;
const store = new Store();

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
    const saved = await store.client.save(`bytes/${size}`, content);
    const { value, version } = await store.client.load<Buffer>(`bytes/${size}`);
    assert.ok(value.equals(content));
    assert.equal(version.id, saved.id);
    assert.equal(version.format, "bytes");
  });
}

test("the same bytes are sent once", async () => {
  const content = randomBytes(3 * MiB);
  let sent = 0;
  const progressed = (bytes: number) => (sent += bytes);
  const first = await store.client.save("deduped", content, { progressed });
  assert.equal(sent, content.length);
  const second = await store.client.save("deduped-again", content, { progressed });
  assert.equal(sent, content.length);
  assert.equal(second.contentDigest, first.contentDigest);
});

test("a stream is kept as bytes", async () => {
  const pieces = [randomBytes(MiB), randomBytes(MiB), randomBytes(11)];
  async function* produce() {
    yield* pieces;
  }
  await store.client.save("stream/generator", produce());
  await store.client.save("stream/readable", Readable.from(pieces));
  for (const name of ["stream/generator", "stream/readable"]) {
    assert.ok((await store.client.load<Buffer>(name)).value.equals(Buffer.concat(pieces)));
  }
});

test("a stream that fails leaves no version", async () => {
  async function* produce() {
    yield randomBytes(2 * MiB);
    throw new Error("disk unplugged");
  }
  await assert.rejects(store.client.save("stream/broken", produce()), /disk unplugged/);
  await assert.rejects(store.client.get("stream/broken"), ArtifactNotFoundError);
});

test("open streams a file of any size, and stops when it is destroyed", async () => {
  const content = randomBytes(9 * MiB + 1);
  await store.client.save("opened", content);
  const pieces: Buffer[] = [];
  for await (const piece of await store.client.open("opened")) pieces.push(piece as Buffer);
  assert.ok(Buffer.concat(pieces).equals(content));
  const stream = await store.client.open("opened");
  for await (const piece of stream) {
    assert.ok((piece as Buffer).equals(content.subarray(0, (piece as Buffer).length)));
    break;
  }
  assert.ok(stream.destroyed);
});

test("open asks which file is meant when there are several", async () => {
  const folder = join(store.server.folder, "several");
  mkdirSync(folder);
  writeFileSync(join(folder, "a"), "1");
  writeFileSync(join(folder, "b"), "2");
  await store.client.save("several", directory(folder));
  await assert.rejects(
    store.client.open("several"),
    (error) => error instanceof FormatError && /name one as path/.test(error.message),
  );
  const stream = await store.client.open("several", { path: "content/b" });
  assert.equal(Buffer.concat(await stream.toArray()).toString(), "2");
});

test("a directory comes back with its tree, small and large files and empty directories", async () => {
  const folder = join(store.server.folder, "tree");
  mkdirSync(join(folder, "sub/deep"), { recursive: true });
  mkdirSync(join(folder, "empty/er"), { recursive: true });
  const contents = {
    "déjà.txt": Buffer.from("vu"),
    "sub/deep/large": randomBytes(2 * MiB),
    "sub/none": Buffer.alloc(0),
  };
  for (const [path, bytes] of Object.entries(contents)) writeFileSync(join(folder, path), bytes);
  await store.client.save("tree", directory(folder));
  const target = join(store.server.folder, "tree-again");
  await store.client.download("tree", target);
  const found = readdirSync(target, { recursive: true, encoding: "utf8" }).sort();
  const expected = ["déjà.txt", "empty", "empty/er", "sub", "sub/deep", "sub/deep/large", "sub/none"];
  assert.deepEqual(found, expected.sort());
  for (const [path, bytes] of Object.entries(contents)) assert.ok(readFileSync(join(target, path)).equals(bytes), path);
});

test("a file keeps its name, and a target that is filled is refused untouched", async () => {
  const path = join(store.server.folder, "model.onnx");
  writeFileSync(path, "weights");
  await store.client.save("model", file(path));
  const target = join(store.server.folder, "model");
  await store.client.download("model", target);
  assert.equal(readFileSync(join(target, "model.onnx"), "utf8"), "weights");
  await assert.rejects(store.client.download("model", target), /is there already/);
  assert.deepEqual(
    readdirSync(store.server.folder).filter((name) => name.includes(".argosy-")),
    [],
  );
});

test("a label is taken once", async () => {
  await store.client.save("labelled", "one", { version: "stable" });
  await assert.rejects(store.client.save("labelled", "two", { version: "stable" }), (error) => {
    assert.ok(error instanceof VersionExistsError);
    assert.equal(error.code, "ALREADY_EXISTS");
    assert.equal(error.reason, "VERSION_EXISTS");
    return true;
  });
  assert.equal((await store.client.load("labelled")).value, "one");
});

test("a missing alias tells so", async () => {
  await store.client.save("aliased", "one");
  await assert.rejects(store.client.load("aliased", { alias: "prod" }), ArtifactNotFoundError);
});

test("an upload goes on after the server was killed, and sends only what was lost", async () => {
  const content = randomBytes(96 * MiB);
  let sent = 0;
  let killed: Promise<void> | undefined;
  const progressed = (bytes: number) => {
    sent += bytes;
    if (sent >= content.length / 2) killed ??= store.server.restart();
  };
  await store.client.save("killed/upload", content, { progressed });
  await killed;
  // What was not durable yet (a mark of the server), and what was on its way, was sent twice.
  assert.ok(sent < content.length + 40 * MiB, `${sent} bytes were sent`);
  const { value } = await store.client.load<Buffer>("killed/upload");
  assert.ok(value.equals(content));
});

test("a download goes on after the server was killed", async () => {
  const content = randomBytes(48 * MiB);
  await store.client.save("killed/download", content);
  let received = 0;
  let killed: Promise<void> | undefined;
  const pieces: Buffer[] = [];
  for await (const piece of await store.client.open("killed/download")) {
    pieces.push(piece as Buffer);
    received += (piece as Buffer).length;
    // It is gone before the next piece is taken, so that all but what was read ahead comes from the next one.
    if (received >= content.length / 2 && killed === undefined) await (killed = store.server.restart());
  }
  assert.ok(killed !== undefined);
  assert.ok(Buffer.concat(pieces).equals(content));
});

test("an aborted save rejects with the reason and leaves nothing behind", async () => {
  const stop = new AbortController();
  const reason = new Error("not wanted any more");
  const progressed = () => stop.abort(reason);
  const { signal } = stop;
  await assert.rejects(store.client.save("aborted", randomBytes(24 * MiB), { signal, progressed }), reason);
  await assert.rejects(store.client.get("aborted"), ArtifactNotFoundError);
});
