import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ArgosyClient, ArtifactNotFoundError, CursorExpiredError, type WatchedEvent } from "../index.js";
import { TestServer } from "./server.js";

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

async function take(events: AsyncIterable<WatchedEvent>, count: number): Promise<WatchedEvent[]> {
  const taken: WatchedEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test("what happens after a watch has begun is told in order", async () => {
  const watch = await client.watch({ name: "model" });
  await client.save("model", 1, { aliases: ["prod"] });
  await client.save("other", 1);
  await client.save("model", 2);
  await client.setAlias("model", "2", "prod");
  await client.deleteAlias("model", "prod");
  const events = await take(watch, 5);
  assert.deepEqual(
    events.map(({ kind, version, alias }) => [kind, version, alias]),
    [
      ["version_created", "1", ""],
      ["alias_moved", "1", "prod"],
      ["version_created", "2", ""],
      ["alias_moved", "2", "prod"],
      ["alias_removed", "2", "prod"],
    ],
  );
  assert.equal(events[3]?.artifactVersion?.format, "json");
});

test("a watch goes on from the cursor of an event", async () => {
  const watch = await client.watch({ name: "cursor" });
  for (const value of [1, 2, 3]) await client.save("cursor", value);
  const [first] = await take(watch, 1);
  const again = await client.watch({ name: "cursor", cursor: first?.cursor ?? "" });
  assert.deepEqual(
    (await take(again, 2)).map(({ version }) => version),
    ["2", "3"],
  );
});

test("filters hold together", async () => {
  const watch = await client.watch({ name: "filtered", alias: "prod", kinds: ["alias_moved"] });
  await client.save("filtered", 1, { aliases: ["dev"] });
  await client.save("filtered", 2, { aliases: ["prod"] });
  assert.deepEqual(
    (await take(watch, 1)).map(({ alias, version }) => [alias, version]),
    [["prod", "2"]],
  );
});

test("a watch goes on after the server was killed, with nothing missed and nothing twice", async () => {
  const watch = await client.watch({ name: "restarted" });
  const taken = take(watch, 4);
  await client.save("restarted", 1);
  await client.save("restarted", 2);
  await server.restart();
  await client.save("restarted", 3);
  await client.save("restarted", 4);
  assert.deepEqual(
    (await taken).map(({ version }) => version),
    ["1", "2", "3", "4"],
  );
});

test("a watch ends when it is closed, and with the reason of its signal", async () => {
  const closed = await client.watch();
  const nothing = take(closed, 1);
  closed.close();
  assert.deepEqual(await nothing, []);
  const stop = new AbortController();
  const reason = new Error("shutting down");
  const taken = take(await client.watch({ signal: stop.signal }), 1);
  stop.abort(reason);
  await assert.rejects(taken, reason);
});

test("a cursor of another store is refused", async () => {
  await assert.rejects(client.watch({ cursor: "not-a-cursor" }), CursorExpiredError);
});

test("lists hide their pages", async () => {
  const names = Array.from({ length: 3 }, (_, number) => `listed/${number}`);
  for (const name of names) await client.save(name, name);
  await client.save("listed/0", "again", { tags: ["kept"] });
  const found = [];
  for await (const { name, versionCount, latest } of client.list({ nameContains: "listed/" })) {
    found.push([name, Number(versionCount), latest?.version]);
  }
  assert.deepEqual(found, [
    ["listed/0", 2, "2"],
    ["listed/1", 1, "1"],
    ["listed/2", 1, "1"],
  ]);
  const versions = await all(client.versions("listed/0"));
  assert.deepEqual(
    versions.map(({ version }) => version),
    ["2", "1"],
  );
  const tagged = await all(client.versions("", { tag: "kept" }));
  assert.deepEqual(
    tagged.map(({ name }) => name),
    ["listed/0"],
  );
});

test("an alias moves in one step, and only to a version that is there", async () => {
  await client.save("moved", "one");
  await client.save("moved", "two");
  await client.setAlias("moved", "1", "prod");
  assert.equal((await client.load("moved", { alias: "prod" })).value, "one");
  await client.setAlias("moved", "2", "prod");
  assert.equal((await client.load("moved", { alias: "prod" })).value, "two");
  await assert.rejects(client.setAlias("moved", "3", "prod"), ArtifactNotFoundError);
});
