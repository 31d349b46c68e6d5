/** Format `json`: one strict JSON document, with the escapes of docs/formats.md for what JSON cannot say. */
import { parse } from "lossless-json";

import { bytesContent, type NewFile } from "../content.js";
import { FormatError } from "../errors.js";
import { type Codec, type Files, fileOf } from "./codec.js";
import { decodeEscape, encodeEscape } from "./json_escapes.js";
import { integerText, numberText } from "./json_numbers.js";
import { Float } from "./json_values.js";
import { isKept } from "./kept_escapes.js";
import { decodeUtf8 } from "./text.js";

const MOST_LEVELS = 150;
/** A place inside a value, for messages: `value["weights"][3]`. */
type Place = string;

/** How parts of other formats, such as arrays inside an object, are kept beside the document. */
export interface Parts {
  /** Returns the codec of a part that JSON cannot say, or undefined. */
  codecFor(value: unknown): Codec | undefined;
  /** Returns the codec of a format, or throws FormatError with the cure. */
  codecOf(format: string, what: string): Codec;
}

export interface JsonOptions {
  /** Decode floats that are whole (`1.0`) to Float instead of number, so that they stay floats when saved again. */
  exactNumbers?: boolean;
}

/** Encodes a value; parts of other formats become files below `items/`. */
export async function encodeJson(value: unknown, parts: Parts): Promise<NewFile[]> {
  const nested: NewFile[] = [];
  const encoder = new Encoder(parts, nested);
  const document = encoder.text(value, "value", 0);
  await encoder.finish();
  return [{ path: "data.json", content: bytesContent(Buffer.from(document, "utf8")) }, ...nested];
}

/** Decodes the files of a version of format json. */
export async function decodeJson(files: Files, parts: Parts, options: JsonOptions = {}): Promise<unknown> {
  if (files.has("state.json")) {
    throw new FormatError(
      'the object has state of its own besides its fields ("state.json"), which only Python can make again; ' +
        "let the producer save its fields, as by dataclasses.asdict() or model_dump()",
    );
  }
  const text = decodeUtf8(fileOf(files, "json", "data.json"), "data.json");
  const document = parseDocument(text);
  const decoder = new Decoder(files, parts);
  await decoder.decodeParts(document, "value");
  return decoder.decode(document, "value", options.exactNumbers === true);
}

function parseDocument(text: string): unknown {
  const parseNumber = (digits: string): unknown => {
    if (!/[.eE]/.test(digits)) {
      const integer = Number(digits);
      if (Object.is(integer, -0)) return 0;
      return Number.isSafeInteger(integer) ? integer : BigInt(digits);
    }
    const float = Number(digits);
    if (!Number.isFinite(float)) throw new FormatError(`${digits} is more than a binary64 float can be`);
    return Number.isInteger(float) ? new Float(float) : float;
  };
  try {
    return parse(text, undefined, { parseNumber });
  } catch (error) {
    throw new FormatError(`"data.json" is no JSON document: ${(error as Error).message}`);
  }
}

/** Writes documents; a class because parts of other formats are encoded when the text is done. */
class Encoder {
  private readonly pending: { at: string; codec: Codec; value: unknown }[] = [];
  private readonly above: object[] = [];

  constructor(
    private readonly parts: Parts,
    private readonly files: NewFile[],
  ) {}

  async finish(): Promise<void> {
    for (const { at, codec, value } of this.pending) {
      for (const { path, content } of await codec.encode(value)) {
        this.files.push({ path: `${at}/${path}`, content });
      }
    }
  }

  text(value: unknown, place: Place, level: number): string {
    if (level > MOST_LEVELS) throw new FormatError(`${place} is nested more than ${MOST_LEVELS} levels deep`);
    switch (typeof value) {
      case "boolean":
        return String(value);
      case "number":
        return numberText(value);
      case "bigint":
        return integerText(value);
      case "string":
        return value.isWellFormed() ? JSON.stringify(value) : (encodeEscape(value, () => "") ?? "");
      case "object":
        return value === null ? "null" : this.objectText(value, place, level);
      default:
        throw new FormatError(
          `${place} is ${typeof value === "undefined" ? "undefined" : `a ${typeof value}`}, which JSON cannot say`,
        );
    }
  }

  private objectText(value: object, place: Place, level: number): string {
    if (this.above.includes(value)) throw new FormatError(`${place} contains itself; documents have no cycles`);
    this.above.push(value);
    try {
      const inner = (part: unknown, step: string | number) =>
        this.text(part, `${place}[${JSON.stringify(step)}]`, level + 1);
      const escape = encodeEscape(value, inner);
      if (escape !== undefined) return escape;
      if (Array.isArray(value)) return `[${Array.from(value, (item, index) => inner(item, index)).join(",")}]`;
      const codec = this.parts.codecFor(value);
      if (codec !== undefined) return this.partText(value, codec);
      return this.plainText(value, inner, place);
    } finally {
      this.above.pop();
    }
  }

  private plainText(value: object, inner: (part: unknown, step: string) => string, place: Place): string {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      const cure = ArrayBuffer.isView(value) ? "write new NpyArray(…) of it" : "convert it to a plain object";
      throw new FormatError(`${place} is a ${value.constructor?.name ?? "object"}, which JSON cannot say; ${cure}`);
    }
    // As JSON.stringify does: a member that is undefined is one that is not there.
    const members = Object.entries(value).filter(([, part]) => part !== undefined);
    const texts = members.map(([name, part]) => [this.text(name, `the name ${name}`, 0), inner(part, name)] as const);
    // Names that are no plain text, and the shape of an escape, need the long form.
    if (members.some(([name]) => !name.isWellFormed()) || (members.length === 1 && members[0]?.[0].startsWith("$"))) {
      return `{"$dict":[${texts.map(([name, part]) => `[${name},${part}]`).join(",")}]}`;
    }
    return `{${texts.map(([name, part]) => `${name}:${part}`).join(",")}}`;
  }

  private partText(value: object, codec: Codec): string {
    const at = `items/${this.pending.length}`;
    this.pending.push({ at, codec, value });
    return JSON.stringify({ $value: { at, materializer: "", type: "", format: codec.format } });
  }
}

/** Reads documents. Parts of other formats are decoded before, since their codecs may have to wait for something. */
class Decoder {
  private readonly decodedParts = new Map<object, unknown>();

  constructor(
    private readonly files: Files,
    private readonly parts: Parts,
  ) {}

  async decodeParts(node: unknown, place: Place): Promise<void> {
    if (typeof node !== "object" || node === null || node instanceof Float) return;
    const payload = isEscape(node) ? (node as Record<string, unknown>)["$value"] : undefined;
    if (payload !== undefined) {
      this.decodedParts.set(node, await this.part(payload, place));
      return;
    }
    for (const [step, part] of Object.entries(node)) {
      if (typeof part === "object" && part !== null) await this.decodeParts(part, `${place}[${JSON.stringify(step)}]`);
    }
  }

  /** @param isExact whether whole floats stay told apart from integers; inside of what is kept for others they do. */
  decode(node: unknown, place: Place, isExact: boolean): unknown {
    if (typeof node !== "object" || node === null) return node;
    if (node instanceof Float) return isExact ? node : node.value;
    if (Array.isArray(node)) {
      return node.map((item: unknown, index) => this.decode(item, `${place}[${index}]`, isExact));
    }
    if (isEscape(node)) return this.escape(node, place, isExact);
    for (const [name, part] of Object.entries(node)) {
      if (typeof part !== "object" || part === null) continue;
      const value = this.decode(part, `${place}[${JSON.stringify(name)}]`, isExact);
      // Assigning to `__proto__` would be something else.
      Object.defineProperty(node, name, { value, writable: true, enumerable: true, configurable: true });
    }
    return node;
  }

  private escape(node: object, place: Place, isExact: boolean): unknown {
    if (this.decodedParts.has(node)) return this.decodedParts.get(node);
    const [[tag, payload]] = Object.entries(node) as [[string, unknown]];
    return decodeEscape(tag, this.decode(payload, place, isExact || isKept(tag)), place);
  }

  private async part(payload: unknown, place: Place): Promise<unknown> {
    const { at, format } = (payload ?? {}) as { at?: unknown; format?: unknown };
    if (typeof at !== "string" || typeof format !== "string" || !/^items\/\d+$/.test(at)) {
      throw new FormatError(`${place} is a $value without a proper "at" and "format"`);
    }
    const below = `${at}/`;
    const own = [...this.files].filter(([path]) => path.startsWith(below));
    const files = new Map(own.map(([path, bytes]) => [path.slice(below.length), bytes] as const));
    try {
      return await this.parts.codecOf(format, place).decode(files);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(`the part ($value) at ${place} cannot be read: ${error.message}`, { cause: error });
    }
  }
}

function isEscape(node: object): boolean {
  const names = Object.keys(node);
  return names.length === 1 && (names[0] as string).startsWith("$") && !Array.isArray(node);
}
