/** Escapes that JavaScript has no value for: they stay what they are, once their payload is known to be proper. */
import { Float } from "./json_values.js";

type Check = (payload: unknown) => boolean;

const isText: Check = (payload) => typeof payload === "string";
const isInteger: Check = (payload) => typeof payload === "bigint" || Number.isSafeInteger(payload);
const isNumber: Check = (payload) =>
  typeof payload === "number" || typeof payload === "bigint" || payload instanceof Float;
const isList: Check = Array.isArray;
const isPairs: Check = (payload) => isListOf(payload, (pair) => Array.isArray(pair) && pair.length === 2);
const isObject: Check = (payload) => typeof payload === "object" && payload !== null && !Array.isArray(payload);
const isAny: Check = () => true;
const orNull =
  (check: Check): Check =>
  (payload) =>
    payload === null || check(payload);

function isListOf(payload: unknown, check: Check): boolean {
  return Array.isArray(payload) && payload.every(check);
}

/** A list with exactly these items. */
function items(...checks: Check[]): Check {
  return (payload) =>
    Array.isArray(payload) && payload.length === checks.length && checks.every((check, index) => check(payload[index]));
}

const either =
  (...checks: Check[]): Check =>
  (payload) =>
    checks.some((check) => check(payload));
const matching =
  (pattern: RegExp): Check =>
  (payload) =>
    typeof payload === "string" && pattern.test(payload);

const TIME = String.raw`([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?`;
const OFFSET = String.raw`([+-]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?`;
const isTimeText = matching(new RegExp(`^${TIME}${OFFSET}$`));
const isDateText: Check = (payload) => {
  if (typeof payload !== "string" || !/^\d{4}-\d\d-\d\d$/.test(payload) || payload.startsWith("0000")) return false;
  const moment = new Date(`${payload}T00:00:00Z`);
  // A day beyond the end of its month would come back as one of the next.
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(payload);
};
const isMomentText: Check = (payload) =>
  typeof payload === "string" &&
  payload[10] === "T" &&
  isDateText(payload.slice(0, 10)) &&
  isTimeText(payload.slice(11));

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["$complex", items(isNumber, isNumber)],
  ["$decimal", matching(/^[+-]?((\d+(\.\d*)?|\.\d+)(E[+-]?\d+)?|Infinity|s?NaN\d*)$/i)],
  ["$fraction", items(isInteger, isInteger)],
  ["$uuid", matching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i)],
  ["$datetime", either(isMomentText, items(isMomentText, isAny, isInteger))],
  ["$date", isDateText],
  ["$time", either(isTimeText, items(isTimeText, isAny, isInteger))],
  ["$timedelta", items(isInteger, isInteger, isInteger)],
  ["$timezone", either(items(isInteger), items(isInteger, isText))],
  ["$zoneinfo", isText],
  ["$range", items(isInteger, isInteger, isInteger)],
  ["$slice", items(isAny, isAny, isAny)],
  ["$deque", items(isList, orNull(isInteger))],
  ["$ordereddict", isPairs],
  ["$counter", isPairs],
  ["$defaultdict", items(orNull(isText), isPairs)],
  ["$enum", items(isText, isText)],
  ["$flag", items(isText, isInteger)],
  ["$namedtuple", items(isText, isList)],
  ["$dataclass", either(items(isText, isObject), items(isText, isObject, isAny))],
  ["$model", either(items(isText, isObject), items(isText, isObject, isAny))],
  ["$numpy", items(isText, isAny)],
  ["$pandas", (payload) => Array.isArray(payload) && isText(payload[0])],
  ["$bytearray", (payload) => payload instanceof Uint8Array],
]);

/** Tells whether an escape stays as it is. */
export function isKept(tag: string): boolean {
  return CHECKS.has(tag);
}

/** Tells whether the payload of an escape that stays, once it is decoded, has its form. */
export function isProper(tag: string, payload: unknown): boolean {
  return CHECKS.get(tag)?.(payload) ?? false;
}

/** Their names, for messages. */
export function keptEscapes(): string {
  return [...CHECKS.keys()].join(", ");
}
