/** The escapes of docs/formats.md: objects of one member whose name begins with `$`. */
import { FormatError } from "../errors.js";
import { floatText } from "./json_numbers.js";
import { isKept, isProper, keptEscapes } from "./kept_escapes.js";
import { Float, FrozenSet, Tagged, Tuple } from "./json_values.js";

/** Bytes longer than this are a part of their own, of format bytes. */
const MOST_ESCAPED_BYTES = 4096;

type Inner = (part: unknown, step: string | number) => string;

/** Returns the text of what has an escape; undefined for everything else. */
export function encodeEscape(value: unknown, inner: Inner): string | undefined {
  if (typeof value === "string") return escaped("$str", JSON.stringify(toWtf8(value).toString("base64")));
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Tagged) return taggedText(value, inner);
  if (value instanceof Tuple) return escaped("$tuple", listText([...value], inner));
  if (value instanceof Set) {
    const items = [...value].map((item, index) => Buffer.from(inner(item, index)));
    const sorted = items.sort(Buffer.compare).map(String).join(",");
    return escaped(value instanceof FrozenSet ? "$frozenset" : "$set", `[${sorted}]`);
  }
  if (value instanceof Map) {
    const entries = [...value].map(([key, part], index) => `[${inner(key, index)},${inner(part, index)}]`);
    return escaped("$dict", `[${entries.join(",")}]`);
  }
  if (value instanceof Date) return escaped("$datetime", JSON.stringify(momentText(value)));
  if (value instanceof Uint8Array && value.byteLength <= MOST_ESCAPED_BYTES) {
    return escaped("$bytes", JSON.stringify(Buffer.from(value).toString("base64")));
  }
  return undefined;
}

function escaped(tag: string, payload: string): string {
  return `{"${tag}":${payload}}`;
}

function listText(items: unknown[], inner: Inner): string {
  return `[${items.map((item, index) => inner(item, index)).join(",")}]`;
}

function taggedText({ tag, payload }: Tagged, inner: Inner): string {
  if (!isKept(tag)) throw new FormatError(`"${tag}" is no escape that can be written; use one of ${keptEscapes()}`);
  if (!isProper(tag, payload))
    throw new FormatError(`${tag} has a payload of another form; docs/formats.md tells which`);
  if (tag === "$bytearray" && payload instanceof Uint8Array) {
    return escaped(tag, JSON.stringify(Buffer.from(payload).toString("base64")));
  }
  return escaped(tag, inner(payload, tag));
}

/** ISO 8601 as Python writes it: microseconds only where there are any. */
function momentText(value: Date): string {
  if (Number.isNaN(value.getTime())) throw new FormatError("an invalid Date is no moment");
  const text = value.toISOString();
  if (text.length !== 24 || text.startsWith("0000")) {
    throw new FormatError(`the year of ${text} is outside of 0001 to 9999`);
  }
  return text.replace(".000Z", "+00:00").replace(/\.(\d{3})Z$/, ".$1000+00:00");
}

/** Returns the value of an escape whose payload is decoded. */
export function decodeEscape(tag: string, payload: unknown, place: string): unknown {
  const malformed = () => new FormatError(`${place} is a ${tag} with a payload of another form`);
  switch (tag) {
    case "$int":
      return decodeInteger(payload, malformed);
    case "$float":
      if (payload === "nan") return NaN;
      if (payload === "inf") return Infinity;
      if (payload === "-inf") return -Infinity;
      throw malformed();
    case "$str":
      return fromWtf8(decodeBase64(payload, malformed));
    case "$bytes":
      return decodeBase64(payload, malformed);
    case "$bytearray":
      return new Tagged(tag, decodeBase64(payload, malformed));
    case "$tuple":
      return Tuple.from(listOf(payload, malformed));
    case "$set":
      return new Set(listOf(payload, malformed));
    case "$frozenset":
      return new FrozenSet(listOf(payload, malformed));
    case "$dict":
      return new Map(listOf(payload, malformed).map((entry) => pairOf(entry, malformed)));
    default:
      if (isKept(tag) && isProper(tag, payload)) return new Tagged(tag, payload);
      if (isKept(tag)) throw malformed();
      throw new FormatError(`${place} is written with the escape "${tag}", which is newer than this client; update it`);
  }
}

type Malformed = () => FormatError;

function listOf(payload: unknown, malformed: Malformed): unknown[] {
  if (!Array.isArray(payload)) throw malformed();
  return payload as unknown[];
}

function pairOf(entry: unknown, malformed: Malformed): [unknown, unknown] {
  if (!Array.isArray(entry) || entry.length !== 2) throw malformed();
  return [entry[0], entry[1]];
}

function decodeInteger(payload: unknown, malformed: Malformed): bigint {
  const found = typeof payload === "string" ? /^(-?)(\d+|0x[0-9a-f]+)$/i.exec(payload) : null;
  if (found === null) throw malformed();
  const size = BigInt(found[2] as string);
  return found[1] === "-" ? -size : size;
}

function decodeBase64(payload: unknown, malformed: Malformed): Buffer {
  if (typeof payload !== "string" || payload.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(payload)) {
    throw malformed();
  }
  return Buffer.from(payload, "base64");
}

/** UTF-8 in which each lone surrogate takes three bytes. */
function toWtf8(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    const isLone = point >= 0xd800 && point <= 0xdfff;
    parts.push(
      isLone
        ? Buffer.from([0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)])
        : Buffer.from(character),
    );
  }
  return Buffer.concat(parts);
}

function fromWtf8(bytes: Buffer): string {
  let text = "";
  let start = 0;
  for (let at = 0; at + 2 < bytes.byteLength; at += 1) {
    const [first, second, third] = [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number];
    if (first !== 0xed || second < 0xa0) continue;
    text += bytes.toString("utf8", start, at);
    text += String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    start = at + 3;
    at += 2;
  }
  return text + bytes.toString("utf8", start);
}
