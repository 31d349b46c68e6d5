import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServerWritableStream } from "@grpc/grpc-js";

import { ArtifactServiceService } from "../gen/argosy/v1/artifact_service.js";
import { WatchArtifactsResponse } from "../gen/argosy/v1/watch.js";
import {
  ArgosyClient,
  ArtifactNotFoundError,
  CursorExpiredError,
  type EventKind,
  InvalidFieldError,
  type WatchedEvent,
} from "../index.js";
import { withServer } from "./scripted_server.js";
import { Store } from "./server.js";

const store = new Store();

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
  const watch = await store.client.watch({ name: "model" });
  await store.client.save("model", 1, { aliases: ["prod"] });
  await store.client.save("other", 1);
  await store.client.save("model", 2);
  await store.client.setAlias("model", "2", "prod");
  await store.client.deleteAlias("model", "prod");
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
  const watch = await store.client.watch({ name: "cursor" });
  for (const value of [1, 2, 3]) await store.client.save("cursor", value);
  const [first] = await take(watch, 1);
  const again = await store.client.watch({ name: "cursor", cursor: first?.cursor ?? "" });
  assert.deepEqual(
    (await take(again, 2)).map(({ version }) => version),
    ["2", "3"],
  );
});

test("filters hold together", async () => {
  const watch = await store.client.watch({ name: "filtered", alias: "prod", kinds: ["alias_moved"] });
  await store.client.save("filtered", 1, { aliases: ["dev"] });
  await store.client.save("filtered", 2, { aliases: ["prod"] });
  assert.deepEqual(
    (await take(watch, 1)).map(({ alias, version }) => [alias, version]),
    [["prod", "2"]],
  );
});

test("a watch goes on after the server was killed, with nothing missed and nothing twice", async () => {
  const watch = await store.client.watch({ name: "restarted" });
  const taken = take(watch, 4);
  await store.client.save("restarted", 1);
  await store.client.save("restarted", 2);
  await store.server.restart();
  await store.client.save("restarted", 3);
  await store.client.save("restarted", 4);
  assert.deepEqual(
    (await taken).map(({ version }) => version),
    ["1", "2", "3", "4"],
  );
});

test("a watch ends when it is closed, and with the reason of its signal", async () => {
  const closed = await store.client.watch();
  const nothing = take(closed, 1);
  closed.close();
  assert.deepEqual(await nothing, []);
  const stop = new AbortController();
  const reason = new Error("shutting down");
  const taken = take(await store.client.watch({ signal: stop.signal }), 1);
  stop.abort(reason);
  await assert.rejects(taken, reason);
});

test("a watch that brings nothing any more is begun anew", async (t) => {
  let streams = 0;
  const watchArtifacts = (call: ServerWritableStream<unknown, unknown>) => {
    streams += 1;
    call.write(WatchArtifactsResponse.fromPartial({ cursor: "begun" }));
    if (streams > 1) call.write(WatchArtifactsResponse.fromPartial({ cursor: "told", event: { name: "model" } }));
  };
  await withServer([{ definition: ArtifactServiceService, handlers: { watchArtifacts } }], async (server) => {
    const client = new ArgosyClient({ server });
    const watch = await client.watch();
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const told = take(watch, 1);
    t.mock.timers.tick(46_000);
    t.mock.timers.reset();
    assert.equal((await told)[0]?.name, "model");
    client.close();
  });
});

test("a filter that says nothing, or a kind that is none, is refused and not sent", async () => {
  await assert.rejects(store.client.watch({ alias: "" }), InvalidFieldError);
  for (const kinds of [["moved" as EventKind], "alias_moved" as unknown as EventKind[]]) {
    await assert.rejects(store.client.watch({ kinds }), /is no kind of event .* alias_moved/);
  }
});

test("a cursor of another store is refused", async () => {
  await assert.rejects(store.client.watch({ cursor: "not-a-cursor" }), CursorExpiredError);
});

test("lists hide their pages", async () => {
  const names = Array.from({ length: 3 }, (_, number) => `listed/${number}`);
  for (const name of names) await store.client.save(name, name);
  await store.client.save("listed/0", "again", { tags: ["kept"] });
  const found = [];
  for await (const { name, versionCount, latest } of store.client.list({ nameContains: "listed/" })) {
    found.push([name, Number(versionCount), latest?.version]);
  }
  assert.deepEqual(found, [
    ["listed/0", 2, "2"],
    ["listed/1", 1, "1"],
    ["listed/2", 1, "1"],
  ]);
  const versions = await all(store.client.versions("listed/0"));
  assert.deepEqual(
    versions.map(({ version }) => version),
    ["2", "1"],
  );
  const tagged = await all(store.client.versions("", { tag: "kept" }));
  assert.deepEqual(
    tagged.map(({ name }) => name),
    ["listed/0"],
  );
});

test("an alias moves in one step, and only to a version that is there", async () => {
  await store.client.save("moved", "one");
  await store.client.save("moved", "two");
  await store.client.setAlias("moved", "1", "prod");
  assert.equal((await store.client.load("moved", { alias: "prod" })).value, "one");
  await store.client.setAlias("moved", "2", "prod");
  assert.equal((await store.client.load("moved", { alias: "prod" })).value, "two");
  await assert.rejects(store.client.setAlias("moved", "3", "prod"), ArtifactNotFoundError);
});
