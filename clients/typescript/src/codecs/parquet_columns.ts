/** What a column is in Parquet, and its values as the writer wants them. */
import type { DecodedArray, SchemaElement } from "hyparquet";

import { FormatError } from "../errors.js";
import type { Column } from "./table.js";

type Kind = Omit<SchemaElement, "name" | "repetition_type">;

const TYPED = new Map<unknown, Kind>([
  [Int8Array, { type: "INT32", converted_type: "INT_8" }],
  [Uint8Array, { type: "INT32", converted_type: "UINT_8" }],
  [Int16Array, { type: "INT32", converted_type: "INT_16" }],
  [Uint16Array, { type: "INT32", converted_type: "UINT_16" }],
  [Int32Array, { type: "INT32" }],
  [Uint32Array, { type: "INT32", converted_type: "UINT_32" }],
  [BigInt64Array, { type: "INT64" }],
  [BigUint64Array, { type: "INT64", converted_type: "UINT_64" }],
  [Float32Array, { type: "FLOAT" }],
  [Float64Array, { type: "DOUBLE" }],
]);
const TEXT: Kind = { type: "BYTE_ARRAY", converted_type: "UTF8" };
const INTEGER: Kind = { type: "INT64" };
const MOMENT: Kind = {
  type: "INT64",
  converted_type: "TIMESTAMP_MILLIS",
  logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
};

/** The schema of a column: the one it was read with, or the one its values ask for. */
export function schemaOf({ name, data, schema }: Column): readonly SchemaElement[] {
  if (schema !== undefined) return schema.map(withoutLogicalInteger);
  const typed = TYPED.get((data as object).constructor);
  if (typed !== undefined) return [{ name, repetition_type: "REQUIRED", ...typed }];
  let kind: Kind | undefined;
  let isOptional = false;
  for (let row = 0; row < data.length; row += 1) {
    const value = data[row];
    if (value === null || value === undefined) {
      isOptional = true;
      continue;
    }
    const own = kindOf(value);
    if (own === undefined)
      throw new FormatError(`column "${name}", row ${row}: a ${typeof value} is no value of a table`);
    const both = kind === undefined ? own : common(kind, own);
    if (both === undefined) {
      throw new FormatError(
        `column "${name}", row ${row}: ${own.type} where the rows before are ${kind?.type}; use one kind`,
      );
    }
    kind = both;
  }
  return [{ name, repetition_type: isOptional ? "OPTIONAL" : "REQUIRED", ...(kind ?? TEXT) }];
}

/** Says how wide an integer is in the older of the two ways: the writer spoils a file that says it in the newer one. */
function withoutLogicalInteger(element: SchemaElement): SchemaElement {
  const { logical_type: logical, ...rest } = element;
  if (logical?.type !== "INTEGER") return element;
  const width = `${logical.isSigned ? "" : "U"}INT_${logical.bitWidth}` as NonNullable<SchemaElement["converted_type"]>;
  return { ...rest, converted_type: rest.converted_type ?? width };
}

/** Whole numbers are integers and others floats, as in json; a column of both is one of floats. */
function kindOf(value: unknown): Kind | undefined {
  switch (typeof value) {
    case "boolean":
      return { type: "BOOLEAN" };
    case "bigint":
      return INTEGER;
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? INTEGER : { type: "DOUBLE" };
    case "string":
      return TEXT;
    default:
      if (value instanceof Date) return MOMENT;
      return value instanceof Uint8Array ? { type: "BYTE_ARRAY" } : undefined;
  }
}

function common(one: Kind, other: Kind): Kind | undefined {
  if (one.type === other.type && one.converted_type === other.converted_type) return one;
  const types = [one, other].map(({ type, converted_type: converted }) => (converted === undefined ? type : undefined));
  const isNumber = types.every((type) => type === "INT64" || type === "DOUBLE");
  return isNumber ? { type: "DOUBLE" } : undefined;
}

/** The values of a column, in the form the writer takes them. */
export function writtenValues({ name, data }: Column, element: SchemaElement | undefined): DecodedArray {
  if (element === undefined || ArrayBuffer.isView(data)) return data as unknown as DecodedArray;
  const values = Array.from(data);
  if (element.type === "INT64") {
    const fitted = element.converted_type === "UINT_64" ? BigInt.asUintN : BigInt.asIntN;
    return values.map((value) => integer64(value, name, fitted));
  }
  if (element.type === "DOUBLE") return values.map((value) => (typeof value === "bigint" ? Number(value) : value));
  if (element.converted_type === "UTF8" && values.some((value) => typeof value === "string" && !value.isWellFormed())) {
    throw new FormatError(`column "${name}" has text with a lone surrogate, which is no UTF-8`);
  }
  return values;
}

function integer64(value: unknown, name: string, fitted: (bits: number, integer: bigint) => bigint): unknown {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new FormatError(`column "${name}" has an invalid Date`);
    return BigInt(value.getTime());
  }
  const integer = typeof value === "number" ? BigInt(value) : value;
  if (typeof integer === "bigint" && integer !== fitted(64, integer)) {
    throw new FormatError(
      `column "${name}" has ${integer}, which does not fit into 64 bits; give a BigUint64Array of those without a sign`,
    );
  }
  return integer;
}
