/** Format `npy`: NumPy arrays as typed arrays. */
import { endianness } from "node:os";

import { bytesContent } from "../content.js";
import { FormatError } from "../errors.js";
import { type Codec, fileOf } from "./codec.js";
import { bitsOfHalves, halvesToFloats } from "./half_floats.js";
import { countOf, itemBytesOf, readNpyHeader, writeNpyHeader } from "./npy_header.js";

export type NpyData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

type DataClass = { new (buffer: ArrayBuffer): NpyData; readonly BYTES_PER_ELEMENT: number };

/**
 * The typed array of each kind of dtype. Booleans are bytes 0 and 1, complex numbers pairs of floats, moments and
 * spans (M8, m8) their ticks. What is not listed (text, structured and long double dtypes) stays bytes.
 */
const CLASSES: Readonly<Record<string, DataClass>> = {
  b1: Uint8Array,
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
  f4: Float32Array,
  f8: Float64Array,
  c8: Float32Array,
  c16: Float64Array,
  M8: BigInt64Array,
  m8: BigInt64Array,
};
const DTYPES = new Map<unknown, string>([
  [Int8Array, "|i1"],
  [Uint8Array, "|u1"],
  [Int16Array, "<i2"],
  [Uint16Array, "<u2"],
  [Int32Array, "<i4"],
  [Uint32Array, "<u4"],
  [BigInt64Array, "<i8"],
  [BigUint64Array, "<u8"],
  [Float32Array, "<f4"],
  [Float64Array, "<f8"],
]);
const IS_LITTLE = endianness() === "LE";

/** An array of NumPy. */
export class NpyArray {
  /** As NumPy writes it, with the byte order the file has: `<f8`, `>i4`, `|b1`. */
  readonly dtype: string;
  /** Sizes; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Whether the first index varies fastest in `data`. */
  readonly fortranOrder: boolean;
  /** The elements in the order they lie in memory, in the byte order of this machine. */
  readonly data: NpyData;

  /**
   * @param data the elements; float16 is given and comes as Float32Array with the dtype `<f2`.
   * @param shape one dimension when left out.
   * @throws FormatError data, shape and dtype do not fit together.
   */
  constructor(data: NpyData, shape?: readonly number[], settings: { dtype?: string; fortranOrder?: boolean } = {}) {
    const dtype = settings.dtype ?? DTYPES.get(data.constructor);
    if (dtype === undefined) throw new FormatError(`${data.constructor.name} is no array NumPy has a dtype for`);
    const perElement = elementsPer(dtype, data);
    this.shape = shape ?? [data.length / perElement];
    if (this.shape.some((size) => !Number.isSafeInteger(size) || size < 0)) {
      throw new FormatError(`the shape (${this.shape.join(", ")}) has a size that is no whole number`);
    }
    if (countOf(this.shape) * perElement !== data.length) {
      throw new FormatError(
        `${data.length} elements of a ${data.constructor.name} do not fill the shape (${this.shape.join(", ")}) ` +
          `of dtype ${dtype}`,
      );
    }
    if (kindOf(dtype) === "b1" && (data as Uint8Array).some((item) => item > 1)) {
      throw new FormatError(`elements of dtype ${dtype} are 0 or 1`);
    }
    this.dtype = dtype;
    this.fortranOrder = settings.fortranOrder ?? false;
    this.data = data;
  }

  /** The element at an index, whatever the order in memory; of complex numbers the real part. */
  at(...index: number[]): number | bigint {
    if (index.length !== this.shape.length || index.some((i, axis) => !(i >= 0 && i < (this.shape[axis] as number)))) {
      throw new RangeError(`index (${index.join(", ")}) does not lie in the shape (${this.shape.join(", ")})`);
    }
    const axes = this.shape.map((_, axis) => axis);
    if (this.fortranOrder) axes.reverse();
    const place = axes.reduce((sum, axis) => sum * (this.shape[axis] as number) + (index[axis] as number), 0);
    return this.data[place * (this.data.length / Math.max(1, countOf(this.shape)))] as number | bigint;
  }
}

/** How many items of `data` make one element of a dtype; throws when they are of another kind. */
function elementsPer(dtype: string, data: NpyData): number {
  const kind = kindOf(dtype);
  const Wanted = kind === "f2" ? Float32Array : (CLASSES[kind] ?? Uint8Array);
  if (!(data instanceof Wanted)) {
    throw new FormatError(`dtype ${dtype} needs a ${Wanted.name}, not a ${data.constructor.name}`);
  }
  return kind === "f2" ? 1 : itemBytesOf(dtype) / data.BYTES_PER_ELEMENT;
}

/** Kind and size without byte order and unit: `f8`, `M8`. */
function kindOf(dtype: string): string {
  return /^[<>=|]?([a-zA-Z]\d+)(?:\[.*\])?$/.exec(dtype)?.[1] ?? "";
}

export const npyCodec: Codec<NpyArray> = {
  format: "npy",
  takes: (value) => value instanceof NpyArray,
  encode(value) {
    if (!(value instanceof NpyArray)) {
      throw new FormatError('format "npy" keeps an NpyArray: write new NpyArray(data, shape)');
    }
    const { data, dtype, fortranOrder, shape } = value;
    // NumPy knows no "=" in files.
    const written = dtype.startsWith("=") ? (IS_LITTLE ? "<" : ">") + dtype.slice(1) : dtype;
    const native = kindOf(dtype) === "f2" ? bitsOfHalves(data as Float32Array) : data;
    const bytes = Buffer.from(native.buffer, native.byteOffset, native.byteLength);
    const elements = isSwapped(written) ? swapped(Buffer.from(bytes), native.BYTES_PER_ELEMENT) : bytes;
    const head = writeNpyHeader(written, fortranOrder, shape);
    return [{ path: "data.npy", content: bytesContent(head, elements) }];
  },
  decode(files) {
    const bytes = fileOf(files, "npy", "data.npy");
    const { dtype, fortranOrder, shape, dataAt } = readNpyHeader(bytes);
    const kind = kindOf(dtype);
    const Data = kind === "f2" ? Uint16Array : (CLASSES[kind] ?? Uint8Array);
    // A copy of its own: aligned, and nothing else of the answer it came with is kept.
    const own = new Uint8Array(bytes.byteLength - dataAt);
    own.set(bytes.subarray(dataAt));
    if (isSwapped(dtype)) swapped(Buffer.from(own.buffer), Data.BYTES_PER_ELEMENT);
    const data = new Data(own.buffer);
    return new NpyArray(kind === "f2" ? halvesToFloats(data as Uint16Array) : data, shape, { dtype, fortranOrder });
  },
};

function isSwapped(dtype: string): boolean {
  const kind = kindOf(dtype);
  if (kind !== "f2" && !(kind in CLASSES)) return false;
  return dtype.startsWith(IS_LITTLE ? ">" : "<");
}

function swapped(bytes: Buffer, itemBytes: number): Buffer {
  if (itemBytes === 2) return bytes.swap16();
  if (itemBytes === 4) return bytes.swap32();
  if (itemBytes === 8) return bytes.swap64();
  return bytes;
}
