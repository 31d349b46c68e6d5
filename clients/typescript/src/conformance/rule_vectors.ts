/** Vectors about digests, names and errors. */
import assert from "node:assert/strict";

import { Metadata, status } from "@grpc/grpc-js";

import { resolveConfig } from "../config.js";
import { digestOf } from "../digest.js";
import { ConfigurationError, ERROR_CLASSES, FormatError, ServiceError } from "../errors.js";
import { pathParts } from "../paths.js";
import { worthRetrying } from "../transport/backoff.js";
import { toArgosyError } from "../transport/status.js";
import { ASKED_ABOUT } from "../transport/upload.js";
import type { Vector } from "./vector.js";

/** The content of the vectors: byte i is i modulo 251. */
function contentOf(size: number): Buffer {
  const content = Buffer.alloc(size);
  for (let index = 0; index < size; index += 1) content[index] = index % 251;
  return content;
}

export function digestVectors({ contents }: { contents: { size_bytes: number; digest: string }[] }): Vector[] {
  return contents.map(({ size_bytes: size, digest }) => ({
    name: `${size} bytes`,
    run: () => assert.equal(digestOf(contentOf(size)), digest),
  }));
}

interface Rule {
  text: string;
  valid: boolean;
}

/** The rules a client has to know itself; names and labels are the server's to refuse. */
export function nameVectors({
  projects,
  local_paths: paths,
  addresses,
}: {
  projects: Rule[];
  local_paths: Rule[];
  addresses: (Rule & { is_secure?: boolean; servers?: string[] })[];
}): Vector[] {
  const server = "grpc://a:1";
  return [
    ...projects.map(({ text, valid }) => ({
      name: `project ${JSON.stringify(text)}`,
      run: () => holds(valid, ConfigurationError, () => resolveConfig({ server, project: text }, {})),
    })),
    ...paths.map(({ text, valid }) => ({
      name: `path ${JSON.stringify(text)}`,
      run: () => holds(valid, FormatError, () => pathParts(text)),
    })),
    ...addresses.map(({ text, valid, is_secure: isSecure, servers }) => ({
      name: `address ${JSON.stringify(text)}`,
      run: () => {
        const environment = { ARGOSY_SERVER: text };
        holds(valid, ConfigurationError, () => resolveConfig({}, environment));
        if (!valid) return;
        const config = resolveConfig({}, environment);
        assert.deepEqual([config.secure, config.servers], [isSecure, servers]);
      },
    })),
  ];
}

function holds(valid: boolean, Refusal: new (message: string) => Error, run: () => unknown): void {
  if (valid) run();
  else assert.throws(run, Refusal);
}

interface ErrorVector {
  name: string;
  code: keyof typeof status;
  message: string;
  details_base64: string;
  reason: string;
  metadata: Record<string, string>;
  retry: "no" | "call" | "upload" | "new_upload" | "watch";
}

export function errorVectors({ vectors }: { vectors: ErrorVector[] }): Vector[] {
  return vectors.map((vector) => ({ name: vector.name, run: () => checkError(vector) }));
}

function checkError({ code, message, details_base64: details, reason, metadata, retry }: ErrorVector): void {
  const trailer = new Metadata();
  if (details !== "") trailer.set("grpc-status-details-bin", Buffer.from(details, "base64"));
  const made = Object.assign(new Error(message), { code: status[code], details: message, metadata: trailer });
  const error = toArgosyError(made, "Method", "a:1");
  assert.ok(error instanceof ServiceError);
  assert.deepEqual([error.code, error.reason], [code, reason]);
  assert.deepEqual({ ...error.metadata }, metadata);
  const Class = (ERROR_CLASSES as Record<string, typeof ServiceError>)[reason] ?? ServiceError;
  assert.equal(error.constructor, Class);
  const helps = {
    no:
      !worthRetrying(error) &&
      ![...ASKED_ABOUT, "UPLOAD_NOT_FOUND", "DIGEST_MISMATCH", "WATCH_STALLED"].includes(reason),
    call: worthRetrying(error),
    upload: worthRetrying(error) || ASKED_ABOUT.includes(reason),
    new_upload: ["UPLOAD_NOT_FOUND", "DIGEST_MISMATCH"].includes(reason),
    watch: reason === "WATCH_STALLED",
  };
  assert.ok(helps[retry], `not what may help: ${retry}`);
}
