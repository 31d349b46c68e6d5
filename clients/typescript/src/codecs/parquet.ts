/** Format `parquet`: tables, read and written by hyparquet, which is loaded when the first one comes. */
import { bytesContent } from "../content.js";
import { FormatError } from "../errors.js";
import { type Codec, fileOf } from "./codec.js";
import { schemaOf, writtenValues } from "./parquet_columns.js";
import { type Column, Table } from "./table.js";

/** Rows of a row group; readers take any. */
const GROUP_ROWS = 100_000;

export const parquetCodec: Codec<Table> = {
  format: "parquet",
  takes: (value) => value instanceof Table,
  async encode(table) {
    if (!(table instanceof Table)) throw new FormatError('format "parquet" keeps a Table: write Table.from({ … })');
    const { parquetWriteBuffer } = await import("hyparquet-writer");
    const schemas = table.columns.map(schemaOf);
    const root = { name: "schema", num_children: table.columns.length };
    const buffer = parquetWriteBuffer({
      columnData: table.columns.map((column, index) => ({
        name: column.name,
        data: writtenValues(column, schemas[index]?.[0]),
      })),
      schema: [root, ...schemas.flat()],
      rowGroupSize: GROUP_ROWS,
      createdBy: "argosy-client (hyparquet-writer)",
    });
    return [{ path: "data.parquet", content: bytesContent(new Uint8Array(buffer)) }];
  },
  async decode(files) {
    const bytes = fileOf(files, "parquet", "data.parquet");
    try {
      return await readTable(bytes);
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(`"data.parquet" cannot be read: ${(error as Error).message}`, { cause: error });
    }
  },
};

/** Keeps what JavaScript would round: moments stay ticks. */
const PARSERS = {
  timestampFromMilliseconds: (ticks: bigint) => ticks,
  timestampFromMicroseconds: (ticks: bigint) => ticks,
  timestampFromNanoseconds: (ticks: bigint) => ticks,
  dateFromDays: (days: number) => days,
  uuidFromBytes: (bytes: Uint8Array) => bytes,
};

async function readTable(bytes: Buffer): Promise<Table> {
  const { parquetMetadata, parquetRead, parquetSchema } = await import("hyparquet");
  // hyparquet reads from an ArrayBuffer that is the file and nothing else.
  const file = new Uint8Array(bytes).buffer;
  const metadata = parquetMetadata(file, { geoparquet: false, parsers: PARSERS });
  const rowCount = Number(metadata.num_rows);
  const tops = parquetSchema(metadata).children;
  refuseOtherChunks(tops, metadata.row_groups);
  const pieces = new Map<string, { start: number; data: ArrayLike<unknown> }[]>();
  for (const { name } of tops.map(({ element }) => element)) {
    if (pieces.has(name)) throw new FormatError(`"data.parquet" has two columns "${name}"`);
    for (const part of subtree(metadata.schema, name)) refuseInexact(name, part);
    pieces.set(name, []);
  }
  await parquetRead({
    file,
    metadata,
    utf8: false,
    geoparquet: false,
    parsers: PARSERS,
    onChunk: ({ columnName, columnData, rowStart }) => {
      pieces.get(columnName)?.push({ start: rowStart, data: columnData as ArrayLike<unknown> });
    },
  });
  const columns = tops.map(({ element }): Column => {
    const parts = (pieces.get(element.name) ?? []).sort((a, b) => a.start - b.start).map(({ data }) => data);
    const data = joined(parts);
    if (data.length !== rowCount) {
      throw new FormatError(`column "${element.name}" of "data.parquet" has ${data.length} of ${rowCount} rows`);
    }
    return { name: element.name, data, schema: subtree(metadata.schema, element.name) };
  });
  const told = (metadata.key_value_metadata ?? []).map(({ key, value = "" }) => [key, value] as const);
  return new Table(columns, rowCount, new Map(told));
}

type Element = import("hyparquet").SchemaElement;
type Tree = import("hyparquet").SchemaTree;
type RowGroup = import("hyparquet").RowGroup;

function refuseInexact(name: string, { type, converted_type: converted, logical_type: logical }: Element): void {
  const isDecimal = converted === "DECIMAL" || logical?.type === "DECIMAL";
  const refused = isDecimal ? "decimal numbers" : type === "INT96" ? "moments of the old form INT96" : "";
  if (refused !== "") {
    throw new FormatError(
      `column "${name}" holds ${refused}, which this client would round; let the producer save text or integers`,
    );
  }
}

/**
 * Refuses row groups whose chunks are not those of the columns, one for each and in their order. hyparquet begins to
 * read chunks that belong to no column, waits for none of them, and ends the process by the error of one.
 */
function refuseOtherChunks(tops: readonly Tree[], groups: readonly RowGroup[]): void {
  const wanted = JSON.stringify(leavesOf(tops));
  for (const [index, { columns }] of groups.entries()) {
    if (JSON.stringify(columns.map((chunk) => chunk.meta_data?.path_in_schema)) === wanted) continue;
    throw new FormatError(`row group ${index} of "data.parquet" has other columns than its schema`);
  }
}

function leavesOf(trees: readonly Tree[]): string[][] {
  return trees.flatMap(({ path, children }) => (children.length === 0 ? [path] : leavesOf(children)));
}

/** The elements of a top-level column and all below it, in the order of the file. */
function subtree(schema: readonly Element[], name: string): Element[] {
  let at = 1;
  const end = (start: number): number => {
    let next = start + 1;
    for (let child = 0; child < (schema[start]?.num_children ?? 0); child += 1) next = end(next);
    return next;
  };
  while (at < schema.length) {
    const next = end(at);
    if (schema[at]?.name === name) return schema.slice(at, next);
    at = next;
  }
  throw new FormatError(`"data.parquet" has no column "${name}"`);
}

type TypedArray = { set(source: ArrayLike<unknown>, offset: number): void; length: number };

/** Puts the pieces of a column together, as a typed array where all of them are of one kind. */
function joined(pieces: readonly ArrayLike<unknown>[]): ArrayLike<unknown> {
  const [first] = pieces;
  if (first === undefined) return [];
  if (pieces.length === 1) return first;
  const isTyped = ArrayBuffer.isView(first) && pieces.every((piece) => piece.constructor === first.constructor);
  if (!isTyped) return pieces.flatMap((piece) => Array.from(piece));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const target = new (first.constructor as new (length: number) => TypedArray)(length);
  let at = 0;
  for (const piece of pieces) {
    target.set(piece, at);
    at += piece.length;
  }
  return target as unknown as ArrayLike<unknown>;
}
