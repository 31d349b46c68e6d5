/** The header of NumPy's file format: a Python literal that tells dtype, order and shape. */
import { FormatError } from "../errors.js";

const MAGIC = Buffer.from("\x93NUMPY", "latin1");
const MOST_HEADER_BYTES = 1 << 20;
const ALIGNMENT = 64;
const MOST_LEVELS = 100;

export interface NpyHeader {
  /** `descr`, as Python text: `<f8`, or a list in text for structured dtypes. */
  readonly dtype: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataAt: number;
}

/**
 * Reads the header of a file.
 *
 * @throws FormatError it is no npy file, has elements that are pickled objects, or a length that does not fit.
 */
export function readNpyHeader(bytes: Buffer): NpyHeader {
  if (bytes.byteLength < 10 || !bytes.subarray(0, 6).equals(MAGIC)) throw new FormatError('"data.npy" is no npy file');
  const major = bytes[6] as number;
  if (major < 1 || major > 3 || bytes[7] !== 0) throw new FormatError(`npy version ${major}.${bytes[7]} is unknown`);
  const start = major === 1 ? 10 : 12;
  if (bytes.byteLength < start) throw new FormatError('"data.npy" ends inside of its header');
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  if (length > MOST_HEADER_BYTES)
    throw new FormatError(`the header of "data.npy" has ${length} bytes; at most 1 MiB are read`);
  const dataAt = start + length;
  if (dataAt > bytes.byteLength) throw new FormatError('"data.npy" ends inside of its header');
  const text = bytes.toString(major === 3 ? "utf8" : "latin1", start, dataAt);
  const header = parseLiteral(text);
  if (!(header instanceof Map)) throw new FormatError('the header of "data.npy" is no dict');
  const [descr, fortranOrder, shape] = [header.get("descr"), header.get("fortran_order"), header.get("shape")];
  if (typeof fortranOrder !== "boolean" || !isShape(shape) || descr === undefined) {
    throw new FormatError(`the header of "data.npy" is malformed: ${text.trim()}`);
  }
  const expected = dataAt + itemSize(descr) * countOf(shape);
  if (bytes.byteLength !== expected) {
    throw new FormatError(`"data.npy" has ${bytes.byteLength} bytes, its header tells ${expected}`);
  }
  return { dtype: typeof descr === "string" ? descr : literalText(descr), fortranOrder, shape, dataAt };
}

/** Writes a header, padded so that the elements are aligned. */
export function writeNpyHeader(dtype: string, fortranOrder: boolean, shape: readonly number[]): Buffer {
  const descr = dtype.startsWith("[") ? dtype : `'${dtype}'`;
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': ${descr}, 'fortran_order': ${fortranOrder ? "True" : "False"}, 'shape': (${sizes}), }`;
  const isLatin = /^[\u0000-\u00ff]*$/.test(text);
  const body = Buffer.from(text, isLatin ? "latin1" : "utf8");
  const padded = (start: number) => Math.ceil((start + body.byteLength + 1) / ALIGNMENT) * ALIGNMENT - start;
  const isShort = isLatin && padded(10) <= 0xffff;
  const start = isShort ? 10 : 12;
  const length = padded(start);
  const head = Buffer.alloc(start + length, " ");
  MAGIC.copy(head);
  head[6] = isShort ? 1 : isLatin ? 2 : 3;
  head[7] = 0;
  if (isShort) head.writeUInt16LE(length, 8);
  else head.writeUInt32LE(length, 8);
  body.copy(head, start);
  head[head.byteLength - 1] = 0x0a;
  return head;
}

/** Number of elements of a shape; that of a scalar, `[]`, is 1. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

/** Bytes of an element of a dtype as NpyHeader tells it. */
export function itemBytesOf(dtype: string): number {
  return itemSize(dtype.startsWith("[") ? parseLiteral(dtype) : dtype);
}

/** Bytes of an element; a dtype with objects in it is refused. */
function itemSize(descr: unknown): number {
  if (typeof descr === "string") {
    const found = /^([<>=|])?([?bBhHiIlLqQefdgFDG]|[a-zA-Z])(\d*)(\[.*\])?$/.exec(descr);
    if (found === null) throw new FormatError(`the dtype "${descr}" of "data.npy" is unknown`);
    const [, , kind = "", digits = ""] = found;
    if (kind === "O") throw refusedObjects();
    const size = digits === "" ? NaN : Number(digits);
    if ("biufcmMSaV".includes(kind) && !Number.isNaN(size)) return size;
    if (kind === "U" && !Number.isNaN(size)) return size * 4;
    throw new FormatError(`the dtype "${descr}" of "data.npy" is unknown`);
  }
  if (!Array.isArray(descr)) throw new FormatError('the dtype of "data.npy" is malformed');
  return descr.reduce((sum: number, field: unknown) => {
    const [, type, shape] = Array.isArray(field) ? (field as unknown[]) : [];
    const count = shape === undefined ? 1 : countOf(Array.isArray(shape) ? (shape as number[]) : [shape as number]);
    return sum + itemSize(type) * count;
  }, 0);
}

function refusedObjects(): FormatError {
  return new FormatError(
    "the array holds pickled Python objects (dtype O), which are never read; " +
      "let the producer save numbers, or a list, which is kept as json",
  );
}

/** Reads the Python literals a header is made of: dict, list, tuple, text, integer, bool and None. */
function parseLiteral(text: string): unknown {
  let at = 0;
  const fail = () => new FormatError(`the header of "data.npy" is malformed: ${text.trim()}`);
  const skip = () => {
    while (/\s/.test(text[at] ?? "")) at += 1;
  };
  const take = (mark: string) => {
    skip();
    if (text[at] !== mark) return false;
    at += 1;
    return true;
  };
  const items = (end: string, level: number): unknown[] => {
    const found: unknown[] = [];
    while (!take(end)) {
      found.push(value(level));
      if (!take(",") && text[at] !== end) throw fail();
    }
    return found;
  };
  const value = (level: number): unknown => {
    if (level > MOST_LEVELS) throw fail();
    skip();
    const word = /^(?:True|False|None|-?\d+L?)/.exec(text.slice(at, at + 24))?.[0];
    if (word !== undefined) {
      at += word.length;
      return word === "True" ? true : word === "False" ? false : word === "None" ? null : Number.parseInt(word, 10);
    }
    if (take("[")) return items("]", level + 1);
    if (take("(")) return items(")", level + 1);
    if (take("{")) {
      const entries = new Map<unknown, unknown>();
      while (!take("}")) {
        const key = value(level + 1);
        if (!take(":")) throw fail();
        entries.set(key, value(level + 1));
        if (!take(",") && text[at] !== "}") throw fail();
      }
      return entries;
    }
    const quoted = /^(['"])((?:[^\\'"\n]|\\.|(?!\1)['"])*)\1/.exec(text.slice(at));
    if (quoted === null) throw fail();
    at += quoted[0].length;
    return (quoted[2] as string).replace(/\\(.)/g, "$1");
  };
  const found = value(0);
  skip();
  if (at !== text.length) throw fail();
  return found;
}

/** Writes a structured dtype as Python does: its fields are tuples. */
function literalText(value: unknown, isField = false): string {
  if (Array.isArray(value)) {
    const inner = value.map((item) => literalText(item, !isField)).join(", ");
    return isField ? `(${inner}${value.length === 1 ? "," : ""})` : `[${inner}]`;
  }
  return typeof value === "string" ? `'${value.replace(/[\\']/g, "\\$&")}'` : String(value);
}
