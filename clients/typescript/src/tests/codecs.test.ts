import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "node:path";

import { codecFor, codecOf } from "../codecs/formats.js";
import { bitsOfHalves, halvesToFloats } from "../codecs/half_floats.js";
import type { NewFile } from "../content.js";
import { runVectors } from "../conformance/vectors.js";
import { Float, FormatError, FrozenSet, NpyArray, Table, Tagged, toDate, Tuple } from "../index.js";
import { ROOT } from "./server.js";

async function stored(files: NewFile[]): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const { path, content } of files) {
    const pieces: Buffer[] = [];
    for await (const piece of content.read(0, 1 << 20)) pieces.push(Buffer.from(piece));
    found.set(path, Buffer.concat(pieces));
  }
  return found;
}

/** Saves and loads a value by its codec, without a server. */
async function roundTrip<T>(value: T, format?: string): Promise<T> {
  const codec = format === undefined ? codecFor(value) : codecOf(format, "the value");
  return (await codec.decode(await stored(await codec.encode(value)))) as T;
}

async function documentOf(value: unknown): Promise<string> {
  return String((await stored(await codecOf("json", "the value").encode(value))).get("data.json"));
}

test("the conformance vectors of the formats and rules hold", async () => {
  assert.ok((await runVectors(join(ROOT, "protos/testdata"))) > 300);
});

test("json comes back as values of JavaScript", async () => {
  const value = {
    text: "déjà vu",
    whole: 3,
    half: 0.5,
    none: null,
    yes: true,
    list: [1, [2]],
    big: 2n ** 80n,
    small: -0,
    infinite: Infinity,
    bytes: Buffer.from([0, 255]),
    set: new Set(["b", "a"]),
    frozen: new FrozenSet([1]),
    map: new Map<unknown, unknown>([
      [1, "one"],
      ["two", 2],
    ]),
    pair: Tuple.of<unknown>(1, "a"),
    lone: "\ud800",
  };
  const loaded = await roundTrip(value);
  assert.deepEqual(loaded, { ...value, set: new Set(["a", "b"]) });
  assert.ok(loaded.pair instanceof Tuple && loaded.frozen instanceof FrozenSet);
});

test("whole numbers are integers, and floats where they are asked for", async () => {
  assert.equal(
    await documentOf([1, new Float(1), 1e300, 2 ** 53, 10n, 2n ** 53n]),
    '[1,1.0,1e+300,9007199254740992.0,10,{"$int":"9007199254740992"}]',
  );
});

test("a number beyond binary64 is refused, not rounded to infinity", async () => {
  for (const text of ["1e400", "[-1e999]"]) {
    const files = new Map([["data.json", Buffer.from(text)]]);
    await assert.rejects(async () => codecOf("json", "x").decode(files), FormatError);
  }
});

test("an object that looks like an escape is written as a dict, and comes back as a Map", async () => {
  assert.equal(await documentOf({ $int: "1" }), '{"$dict":[["$int","1"]]}');
  assert.deepEqual(await roundTrip<unknown>({ $int: "1" }), new Map([["$int", "1"]]));
});

test("members that are undefined are left out, and a member may be called __proto__", async () => {
  assert.equal(await documentOf({ a: undefined, b: 1, c: 2 }), '{"b":1,"c":2}');
  const loaded = (await codecOf("json", "x").decode(
    new Map([["data.json", Buffer.from('{"__proto__":{"x":1},"y":2}')]]),
  )) as object;
  assert.deepEqual(Object.keys(loaded), ["__proto__", "y"]);
  assert.equal(Object.getPrototypeOf(loaded), Object.prototype);
});

const cycle: unknown[] = [];
cycle.push(cycle);
let deep: unknown = 1;
for (let level = 0; level < 151; level += 1) deep = [deep];
const refused: Record<string, [unknown, RegExp]> = {
  "a function": [{ a: [() => 1] }, /value\["a"\]\[0\] is a function/],
  "undefined in a list": [[undefined], /value\[0\] is undefined/],
  "an object of a class": [{ error: new Error("x") }, /value\["error"\] is a Error/],
  "a cycle": [cycle, /contains itself/],
  "too many levels": [deep, /nested more than 150 levels/],
  "an escape of no name": [new Tagged("$unheard", 1), /no escape that can be written/],
  "a payload of another form": [new Tagged("$date", "tomorrow"), /payload of another form/],
};
for (const [what, [value, message]] of Object.entries(refused)) {
  test(`json refuses ${what}, and names it`, async () => {
    await assert.rejects(documentOf(value), (error) => error instanceof FormatError && message.test(error.message));
  });
}

test("arrays and long bytes inside of an object are parts of their own formats", async () => {
  const value = {
    weights: new NpyArray(new Float32Array([1, 2]), [2, 1]),
    raw: Buffer.alloc(5000, 7),
    table: Table.from({ a: [1] }),
  };
  const loaded = await roundTrip(value);
  assert.deepEqual(loaded.weights, value.weights);
  assert.ok(loaded.raw.equals(value.raw));
  assert.deepEqual([...(loaded.table.column("a") as BigInt64Array)], [1n]);
});

test("a Date becomes a moment, and toDate reads it", async () => {
  const moment = new Date("2026-03-01T12:30:00.250Z");
  const loaded = await roundTrip<unknown>(moment, "json");
  assert.deepEqual(loaded, new Tagged("$datetime", "2026-03-01T12:30:00.250000+00:00"));
  assert.deepEqual(toDate(loaded as Tagged), moment);
  assert.throws(() => toDate(new Tagged("$datetime", "2026-03-01T12:30:00")), RangeError);
});

test("an array keeps dtype, order and shape, and at() finds elements in either order", async () => {
  const rows = new NpyArray(new Int32Array([1, 2, 3, 4, 5, 6]), [2, 3]);
  const columns = new NpyArray(new Int32Array([1, 4, 2, 5, 3, 6]), [2, 3], { dtype: ">i4", fortranOrder: true });
  for (const array of [rows, columns]) {
    const loaded = await roundTrip(array);
    assert.deepEqual(loaded, array);
    assert.equal(loaded.at(1, 0), 4);
    assert.equal(loaded.at(0, 2), 3);
  }
  assert.throws(() => rows.at(2, 0), RangeError);
});

test("float16 survives as float32, whatever its bits", () => {
  const halves = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);
  assert.deepEqual(bitsOfHalves(halvesToFloats(halves)), halves);
});

test("an array whose data, shape and dtype disagree is refused", () => {
  assert.throws(() => new NpyArray(new Float32Array(3), [2, 2]), /do not fill the shape/);
  assert.throws(() => new NpyArray(new Float32Array(4), [4], { dtype: "<f8" }), /needs a Float64Array/);
  assert.throws(() => new NpyArray(new Float32Array(4), [4], { dtype: "|O" }), FormatError);
});

test("a table comes back with its types and missing values", async () => {
  const table = Table.from({
    id: new BigInt64Array([1n, 2n ** 62n]),
    small: new Int8Array([-1, 1]),
    ratio: [0.5, null],
    word: ["wörd", null],
    flag: [true, false],
    raw: [Buffer.from([1, 2]), null],
    mixed: [1, 0.5],
    when: [new Date(5), null],
  });
  const loaded = await roundTrip(table);
  const [first, second] = loaded.rows();
  assert.deepEqual(
    { ...first, raw: [...(first?.["raw"] as Uint8Array)] },
    {
      id: 1n,
      small: -1,
      ratio: 0.5,
      word: "wörd",
      flag: true,
      raw: [1, 2],
      mixed: 1,
      when: 5n,
    },
  );
  assert.deepEqual(second, {
    id: 2n ** 62n,
    small: 1,
    ratio: null,
    word: null,
    flag: false,
    raw: null,
    mixed: 0.5,
    when: null,
  });
  assert.deepEqual([...(await roundTrip(loaded)).rows()], [...loaded.rows()]);
});

test("an empty table keeps its columns", async () => {
  const loaded = await roundTrip(Table.from({ id: new Float64Array(), word: [] as string[] }));
  assert.deepEqual([loaded.rowCount, loaded.columns.map(({ name }) => name)], [0, ["id", "word"]]);
});

test("a column of mixed kinds is refused by its name and row", async () => {
  await assert.rejects(roundTrip(Table.from({ a: [1, "x"] })), /column "a", row 1/);
  await assert.rejects(roundTrip(Table.from({ a: [2n ** 70n] })), /does not fit into 64 bits/);
});

for (const format of ["cloudpickle", "skops", "html", "company-graph"]) {
  test(`format ${format} is refused by its name, with what the producer can do`, () => {
    assert.throws(
      () => codecOf(format, '"model"'),
      (error) => {
        assert.ok(error instanceof FormatError);
        assert.match(
          error.message,
          new RegExp(`"model" is in format "${format}".*let the producer publish a neutral format`),
        );
        return true;
      },
    );
  });
}

test("chunks of a table that belong to no column are refused, and end nothing", async () => {
  const [file] = await codecFor(Table.from({})).encode(Table.from({ first: ["a"], other: ["b"] }));
  const forged = (await stored([file as NewFile])).get("data.parquet") as Buffer;
  const footer = forged.byteLength - 8 - forged.readUInt32LE(forged.byteLength - 8);
  forged.fill(0xff, 4, footer); // no chunk can be read
  forged.write("first", forged.lastIndexOf("other")); // the path of the second one
  const decoded = codecOf("parquet", "the value").decode(new Map([["data.parquet", forged]]));
  await assert.rejects(async () => decoded, /row group 0 of "data.parquet" has other columns/);
});

test("decimal numbers inside of a column are refused as those of a column are", async () => {
  const price = { name: "price", type: "INT64", converted_type: "DECIMAL", scale: 2, precision: 10 } as const;
  const schema = [{ name: "item", repetition_type: "REQUIRED", num_children: 1 } as const, price];
  const table = new Table([{ name: "item", data: [{ price: 1n }], schema }]);
  await assert.rejects(roundTrip(table), /column "item" holds decimal numbers/);
});

test("what could not be read again is not saved", async () => {
  await assert.rejects(roundTrip(new Date("0000-06-01T00:00:00Z")), /outside of 0001 to 9999/);
  await assert.rejects(roundTrip(Table.from({ id: [2n ** 63n] })), FormatError);
  assert.throws(() => new NpyArray(new Uint8Array([0, 2]), [2], { dtype: "|b1" }), /are 0 or 1/);
});

test("what somebody forged is refused at once", async () => {
  const document = JSON.stringify({ $decimal: `${"1".repeat(500_000)}x` }); // minutes for a pattern that tries all ways
  const json = codecOf("json", "the value").decode(new Map([["data.json", Buffer.from(document)]]));
  await assert.rejects(async () => json, FormatError);
  const header = `{'descr': ${"[".repeat(60_000)}`;
  const head = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  head.writeUInt16LE(header.length, 8);
  const array = new Map([["data.npy", Buffer.concat([head, Buffer.from(header)])]]);
  assert.throws(() => codecOf("npy", "the value").decode(array), FormatError);
});
