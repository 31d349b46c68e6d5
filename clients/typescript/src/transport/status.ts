/** Turns what gRPC rejects with into the errors of this client: the only place that does. */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type ServiceError as CallError, status } from "@grpc/grpc-js";

import { ArgosyError, refusal } from "../errors.js";

const DOMAIN = "argosy";
const ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo";

/** Calls `field` for each length-delimited field of a message and skips all others. */
function eachField(bytes: Uint8Array, field: (number: number, value: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === 2) field(number, reader.bytes());
    else reader.skip(wireType, number);
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

interface Info {
  reason: string;
  metadata: Record<string, string>;
}

function readInfo(bytes: Uint8Array): Info & { domain: string } {
  const info = { reason: "", domain: "", metadata: {} as Record<string, string> };
  eachField(bytes, (number, value) => {
    if (number === 1) info.reason = text(value);
    else if (number === 2) info.domain = text(value);
    else if (number === 3) {
      const entry = ["", ""];
      eachField(value, (part, content) => (entry[part - 1] = text(content)));
      info.metadata[entry[0] ?? ""] = entry[1] ?? "";
    }
  });
  return info;
}

/** The ErrorInfo of Argosy in a `google.rpc.Status`, which gRPC hands over as bytes. */
function errorInfo(details: Uint8Array): Info | undefined {
  let found: Info | undefined;
  try {
    eachField(details, (number, any) => {
      if (number !== 3) return;
      let type = "";
      let message: Uint8Array = new Uint8Array();
      eachField(any, (part, content) => (part === 1 ? (type = text(content)) : (message = content)));
      if (type !== ERROR_INFO) return;
      const info = readInfo(message);
      if (info.domain === DOMAIN) found ??= info;
    });
  } catch {
    // Details that were mangled on their way are no reason to lose the status they came with.
    return undefined;
  }
  return found;
}

/** Tells whether gRPC made this error out of a status. */
function isCallError(error: unknown): error is CallError {
  return error instanceof Error && typeof (error as Partial<CallError>).code === "number" && "details" in error;
}

/** Returns the error of this client for what a call ended with; what is no status stays as it is. */
export function toArgosyError(error: unknown, method: string, server: string): unknown {
  if (error instanceof ArgosyError || !isCallError(error)) return error;
  const details = error.metadata?.get("grpc-status-details-bin")[0];
  const info = details instanceof Uint8Array ? errorInfo(details) : undefined;
  if (info !== undefined) return refusal(error.details, { code: error.code, ...info });
  const where = `${method} of the Argosy server at ${server}`;
  if (error.code === status.UNIMPLEMENTED) {
    return refusal(`${where} is unknown there; it is older than this client, or no Argosy server`, {
      code: error.code,
    });
  }
  const cure = error.code === status.UNAVAILABLE ? "; is it running, and is ARGOSY_SERVER right?" : "";
  return refusal(`${where} ended with ${status[error.code]}: ${error.details}${cure}`, { code: error.code });
}
