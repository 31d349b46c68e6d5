/** Tables: named columns of one length. */
import type { SchemaElement } from "hyparquet";

import { FormatError } from "../errors.js";

/** One column. */
export interface Column {
  readonly name: string;
  /**
   * Values of one kind, null where one is missing: numbers, bigints (64-bit integers), booleans, strings, Uint8Array.
   * Moments are read as bigint ticks and days as numbers, see `schema`; a Date may be given.
   */
  readonly data: ArrayLike<unknown>;
  /** Its part of the Parquet schema, when it was read from a file; it is then written like that again. */
  readonly schema?: readonly SchemaElement[];
}

/** Rows and columns, as a pandas DataFrame without its index. */
export class Table {
  /**
   * @param metadata key-value metadata of the file it was read from; it is not written again.
   * @throws FormatError columns differ in length or have one name.
   */
  constructor(
    readonly columns: readonly Column[],
    readonly rowCount: number = columns[0]?.data.length ?? 0,
    readonly metadata: ReadonlyMap<string, string> = new Map(),
  ) {
    const names = new Set<string>();
    for (const { name, data } of columns) {
      if (names.has(name)) throw new FormatError(`the table has two columns "${name}"`);
      names.add(name);
      if (data.length !== rowCount) {
        throw new FormatError(`column "${name}" has ${data.length} rows, the table has ${rowCount}`);
      }
    }
  }

  /** Makes a table of arrays by name: `Table.from({ id: [1, 2], score: new Float64Array([0.5, 1]) })`. */
  static from(columns: Readonly<Record<string, ArrayLike<unknown>>>): Table {
    return new Table(Object.entries(columns).map(([name, data]) => ({ name, data })));
  }

  /** @throws RangeError there is no such column. */
  column(name: string): ArrayLike<unknown> {
    const found = this.columns.find((column) => column.name === name);
    if (found === undefined) {
      throw new RangeError(`no column "${name}"; there are ${this.columns.map((column) => column.name).join(", ")}`);
    }
    return found.data;
  }

  /** Yields each row as an object. */
  *rows(): Generator<Record<string, unknown>> {
    for (let row = 0; row < this.rowCount; row += 1) {
      yield Object.fromEntries(this.columns.map(({ name, data }) => [name, data[row]]));
    }
  }
}
