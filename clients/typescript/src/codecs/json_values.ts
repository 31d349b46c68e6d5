/** What JavaScript has no value of its own for, or would mix up. */

/**
 * A float in a place where the difference between `1.0` and `1` matters. Ordinary numbers that are whole are saved as
 * integers; this one is saved as a float. Calculates like a number.
 */
export class Float {
  constructor(readonly value: number) {}
  valueOf(): number {
    return this.value;
  }
  toJSON(): number {
    return this.value;
  }
}

/** A Python tuple: an array in every respect, saved as a tuple again. */
export class Tuple<T = unknown> extends Array<T> {
  static override of<T>(...items: T[]): Tuple<T> {
    return Tuple.from(items) as Tuple<T>;
  }
  /** Methods such as `map` make plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** A Python frozenset: a Set in every respect, saved as a frozenset again. */
export class FrozenSet<T = unknown> extends Set<T> {}

/**
 * A value of another language that is kept as it is, such as `$decimal` or `$dataclass`: the name of the escape of
 * docs/formats.md, and its payload decoded.
 */
export class Tagged {
  constructor(
    readonly tag: string,
    readonly payload: unknown,
  ) {}
}

/** A moment of a `$datetime` that tells its offset from UTC; microseconds below a millisecond are lost. */
export function toDate(value: Tagged): Date {
  const text = value.tag === "$datetime" ? value.payload : undefined;
  const parts =
    typeof text === "string" ? /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?([+-]\d\d:\d\d)$/.exec(text) : null;
  if (parts === null) {
    throw new RangeError(`${value.tag} ${JSON.stringify(text)} is no moment: want a $datetime with an offset`);
  }
  return new Date(`${parts[1]}${(parts[2] ?? ".000").slice(0, 4).padEnd(4, "0")}${parts[3]}`);
}
