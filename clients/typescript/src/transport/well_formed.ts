/** Texts of requests are Unicode, which protobuf does not see to. */
import { status } from "@grpc/grpc-js";

import { InvalidFieldError } from "../errors.js";

/**
 * Protobuf would put "\ufffd" for half of a surrogate pair, and the request would be about another name.
 *
 * @throws InvalidFieldError a text of the request is no Unicode.
 */
export function refuseIllFormed(part: unknown, place: string): void {
  if (typeof part === "string") {
    if (part.isWellFormed()) return;
    const what = `${place} is ${JSON.stringify(part)}, which has half of a surrogate pair; leave it out`;
    throw new InvalidFieldError(what, { code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" });
  }
  if (typeof part !== "object" || part === null || ArrayBuffer.isView(part)) return;
  for (const [name, inner] of Object.entries(part)) {
    refuseIllFormed(name, "a name of the request");
    refuseIllFormed(inner, `"${name}" of the request`);
  }
}
