/** Vectors about the formats json and npy. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

import { parse } from "lossless-json";

import { codecOf } from "../codecs/formats.js";
import { bitsOfHalves } from "../codecs/half_floats.js";
import { type NpyArray, npyCodec } from "../codecs/npy.js";
import { countOf } from "../codecs/npy_header.js";
import type { NewFile } from "../content.js";
import { FormatError } from "../errors.js";
import type { Vector } from "./vector.js";

type Reader = "must" | "may" | "refuse";

interface DocumentVector {
  name: string;
  document?: string;
  document_base64?: string;
  reader: Reader;
  canonical?: string;
  escapes?: string[];
}

export function documentVectors({ vectors }: { vectors: DocumentVector[] }): Vector[] {
  return vectors.map((vector) => ({ name: vector.name, run: () => checkDocument(vector) }));
}

async function checkDocument(vector: DocumentVector): Promise<void> {
  const { document = "", document_base64: encoded, reader, canonical = "", escapes = [] } = vector;
  const bytes = encoded === undefined ? Buffer.from(document, "utf8") : Buffer.from(encoded, "base64");
  const codec = codecOf("json", "the document", { exactNumbers: true });
  const written = async () => bytesOf(await codec.encode(await codec.decode(new Map([["data.json", bytes]]))));
  if (reader === "refuse") return assert.rejects(written, FormatError);
  try {
    assert.deepEqual(structure((await written()).toString()), structure(canonical));
  } catch (error) {
    const mayRefuse = reader === "may" && error instanceof FormatError && error.message.includes(escapes[0] ?? "");
    if (!mayRefuse) throw error;
  }
}

/** A document as what it says: integers and floats apart, members and sets in an order of their own. */
function structure(document: string): unknown {
  const number = (text: string) =>
    /[.eE]/.test(text) ? { float: Number(text), sign: text[0] === "-" } : { integer: BigInt(text) };
  const ordered = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(ordered);
    if (typeof node !== "object" || node === null) return node;
    return Object.entries(node)
      .map(([name, part]) => {
        const inner = ordered(part);
        const isSet = (name === "$set" || name === "$frozenset") && Array.isArray(inner);
        return [name, isSet ? inner.sort((a, b) => (text(a) < text(b) ? -1 : 1)) : inner];
      })
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  };
  return ordered(parse(document, undefined, { parseNumber: number }));
}

function text(node: unknown): string {
  return JSON.stringify(node, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

async function bytesOf(files: NewFile[]): Promise<Buffer> {
  const [only] = files;
  assert.ok(only !== undefined && files.length === 1);
  const pieces: Buffer[] = [];
  for await (const piece of only.content.read(0, 1 << 20)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

interface ArrayVector {
  name: string;
  reader: Reader;
  dtype?: string;
  shape?: number[];
  elements_base64?: string;
  file_base64: string;
}

export function arrayVectors({ vectors }: { vectors: ArrayVector[] }): Vector[] {
  return vectors.map((vector) => ({ name: vector.name, run: () => checkArray(vector) }));
}

async function checkArray({
  reader,
  dtype = "",
  shape = [],
  elements_base64: elements = "",
  file_base64: file,
}: ArrayVector): Promise<void> {
  const read = (bytes: Buffer) => npyCodec.decode(new Map([["data.npy", bytes]]));
  const bytes = Buffer.from(file, "base64");
  if (reader === "refuse") return assert.rejects(async () => read(bytes), FormatError);
  const first = await read(bytes);
  const again = await read(await bytesOf(await npyCodec.encode(first)));
  for (const array of [first, again]) {
    if (dtype !== "structured") assert.equal(array.dtype.replace(/^[<>=|]/, ""), dtype);
    assert.deepEqual(array.shape, shape);
    assert.equal(inOrder(array).toString("base64"), elements);
  }
  assert.ok(isDeepStrictEqual([again.dtype, again.fortranOrder], [first.dtype, first.fortranOrder]));
}

/** The elements in C order, little-endian, which is the order of this machine. */
function inOrder({ data, dtype, fortranOrder, shape }: NpyArray): Buffer {
  const native = dtype.endsWith("f2") ? bitsOfHalves(data as Float32Array) : data;
  const bytes = Buffer.from(native.buffer, native.byteOffset, native.byteLength);
  if (!fortranOrder || shape.length < 2) return bytes;
  const count = countOf(shape);
  const size = count === 0 ? 0 : bytes.byteLength / count;
  const index = shape.map(() => 0);
  const elements: Buffer[] = [];
  for (let number = 0; number < count; number += 1) {
    const place = index.reduceRight((sum, at, axis) => sum * (shape[axis] as number) + at, 0);
    elements.push(bytes.subarray(place * size, (place + 1) * size));
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index[axis] = ((index[axis] as number) + 1) % (shape[axis] as number);
      if (index[axis] !== 0) break;
    }
  }
  return Buffer.concat(elements);
}
