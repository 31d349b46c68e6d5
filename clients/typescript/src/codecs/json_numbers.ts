/** How numbers are written: an integer has no point and no exponent, a float has one. */

/** Whole numbers are integers; those a binary64 cannot tell apart any more are floats. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return '{"$float":"nan"}';
  if (!Number.isFinite(value)) return `{"$float":"${value > 0 ? "inf" : "-inf"}"}`;
  if (Object.is(value, -0)) return "-0.0";
  if (Number.isSafeInteger(value)) return String(value);
  return floatText(value);
}

/** A float, with a point or an exponent whatever its value. */
export function floatText(value: number): string {
  if (!Number.isFinite(value) || Object.is(value, -0)) return numberText(value);
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** Integers beyond 2^53 - 1 are escaped, the longest ones in hexadecimal, which is as fast to read as to write. */
export function integerText(value: bigint): string {
  const size = value < 0n ? -value : value;
  if (size <= BigInt(Number.MAX_SAFE_INTEGER)) return String(value);
  const isLong = size >> 4096n > 0n;
  return `{"$int":"${isLong ? `${value < 0n ? "-" : ""}0x${size.toString(16)}` : value}"}`;
}
