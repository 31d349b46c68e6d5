import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, test } from "node:test";

import { credentials, type Metadata, Server, ServerCredentials, type UntypedHandleCall } from "@grpc/grpc-js";

import { ArgosyClient, ServiceError } from "../index.js";
import { BlobServiceService, GetCapabilitiesResponse } from "../gen/argosy/v1/blob_service.js";

/** A certificate for localhost that signed itself; it and its key are good for nothing but this test. */
const FOLDER = resolve(import.meta.dirname, "../../src/tests/tls");
const certificate = readFileSync(resolve(FOLDER, "localhost.cert.pem"));
const key = readFileSync(resolve(FOLDER, "localhost.key.pem"));

const server = new Server();
let address = "";
let authorization: unknown[] = [];

before(async () => {
  const told = GetCapabilitiesResponse.fromPartial({
    protocolRevision: 1,
    oldestProtocolRevision: 1,
    serverVersion: "tls",
  });
  const getCapabilities = (call: { metadata: Metadata }, reply: (error: null, value: object) => void) => {
    authorization = call.metadata.get("authorization");
    reply(null, told);
  };
  server.addService(BlobServiceService, { getCapabilities } as Record<string, UntypedHandleCall>);
  const secure = ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: certificate }]);
  const port = await new Promise<number>((resolvePort, reject) =>
    server.bindAsync("localhost:0", secure, (error, bound) => (error ? reject(error) : resolvePort(bound))),
  );
  address = `grpcs://localhost:${port}`;
});

after(() => server.forceShutdown());

test("grpcs speaks TLS with the authority it is given, and hands the token over", async () => {
  const client = new ArgosyClient({ server: address, credentials: credentials.createSsl(certificate), token: "t0k3n" });
  assert.equal((await client.connect()).serverVersion, "tls");
  assert.deepEqual(authorization, ["Bearer t0k3n"]);
  client.close();
});

test("a server nobody vouches for is refused", async () => {
  const client = new ArgosyClient({ server: address, connectTimeout: 0.3 });
  await assert.rejects(client.connect(), (error) => error instanceof ServiceError && /self-signed/.test(error.message));
  client.close();
});
