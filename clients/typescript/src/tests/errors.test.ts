import assert from "node:assert/strict";
import { test } from "node:test";

import { Metadata, status } from "@grpc/grpc-js";

import { ErrorReason } from "../gen/argosy/v1/errors.js";
import { ArgosyError, ERROR_CLASSES, ServiceError, VersionExistsError } from "../index.js";
import { toArgosyError } from "../transport/status.js";
import { callError } from "./scripted_server.js";

const reasons = Object.keys(ErrorReason)
  .filter((name) => name.startsWith("ERROR_REASON_") && name !== "ERROR_REASON_UNSPECIFIED")
  .map((name) => name.slice("ERROR_REASON_".length));

test("every reason of the protos has a class of its own, named after it", () => {
  assert.deepEqual(Object.keys(ERROR_CLASSES).sort(), [...reasons].sort());
  const classes = Object.values(ERROR_CLASSES);
  assert.equal(new Set(classes).size, classes.length);
  for (const [reason, Class] of Object.entries(ERROR_CLASSES)) {
    const words = reason
      .toLowerCase()
      .split("_")
      .map((word) => word[0]?.toUpperCase() + word.slice(1));
    assert.equal(Class.name, `${words.join("")}Error`);
    assert.ok(Class.prototype instanceof ServiceError);
  }
});

test("a refusal carries code, reason, metadata and the words of the service", () => {
  const error = toArgosyError(callError({ code: "ALREADY_EXISTS", reason: "VERSION_EXISTS" }), "SetAlias", "a:1");
  assert.ok(error instanceof VersionExistsError && error instanceof ArgosyError);
  assert.equal(error.name, "VersionExistsError");
  assert.deepEqual(
    [error.code, error.reason, error.message],
    ["ALREADY_EXISTS", "VERSION_EXISTS", "scripted ALREADY_EXISTS VERSION_EXISTS"],
  );
});

test("what no Argosy server said names the call and the server", () => {
  const bare = Object.assign(new Error("x"), {
    code: status.UNAVAILABLE,
    details: "refused",
    metadata: new Metadata(),
  });
  const error = toArgosyError(bare, "GetUpload", "a:1");
  assert.ok(error instanceof ServiceError);
  assert.match(error.message, /GetUpload of the Argosy server at a:1 ended with UNAVAILABLE: refused/);
});

test("an error that is no status stays what it is", () => {
  const error = new TypeError("a defect");
  assert.equal(toArgosyError(error, "GetUpload", "a:1"), error);
});
