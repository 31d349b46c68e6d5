import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";

import { resolveConfig } from "../config.js";
import { ArgosyClient, ConfigurationError, ProtocolRevisionError, ServiceError } from "../index.js";
import { BlobServiceService, GetCapabilitiesResponse } from "../gen/argosy/v1/blob_service.js";
import { withServer } from "./scripted_server.js";

const ENVIRONMENT = {
  ARGOSY_SERVER: "grpcs://store:443",
  ARGOSY_PROJECT: "fraud",
  ARGOSY_TOKEN: "secret",
  ARGOSY_CONNECT_TIMEOUT: "1",
  ARGOSY_UNARY_DEADLINE: "2.5",
  ARGOSY_IDLE_TIMEOUT: "3",
};

test("settings come from the environment", () => {
  assert.deepEqual(resolveConfig({}, ENVIRONMENT), {
    servers: ["store:443"],
    secure: true,
    project: "fraud",
    token: "secret",
    credentials: undefined,
    connectTimeout: 1,
    unaryDeadline: 2.5,
    idleTimeout: 3,
  });
});

test("an explicit option wins over the environment", () => {
  const config = resolveConfig({ server: "grpcs://other:1", project: "mine", idleTimeout: 9 }, ENVIRONMENT);
  assert.deepEqual([config.servers, config.project, config.idleTimeout], [["other:1"], "mine", 9]);
});

test("defaults are those of the Python client", () => {
  const { project, connectTimeout, unaryDeadline, idleTimeout } = resolveConfig({ server: "grpc://a:1" }, {});
  assert.deepEqual([project, connectTimeout, unaryDeadline, idleTimeout], ["default", 4, 30, 60]);
});

test("no time is too long for a timer", () => {
  const environment = { ...ENVIRONMENT, ARGOSY_UNARY_DEADLINE: "1e12" };
  const { unaryDeadline, idleTimeout } = resolveConfig({ idleTimeout: 3e6 }, environment);
  assert.ok(Math.max(unaryDeadline, idleTimeout) * 1000 < 2 ** 31);
  assert.ok(Math.min(unaryDeadline, idleTimeout) > 2e6);
});

const refused: Record<string, [Record<string, string>, RegExp]> = {
  "no server": [{}, /no server is named; set ARGOSY_SERVER/],
  "an embedded store": [{ ARGOSY_SERVER: "embedded:///data" }, /this client opens no embedded/],
  "seconds that are none": [
    { ARGOSY_SERVER: "grpc://a:1", ARGOSY_IDLE_TIMEOUT: "soon" },
    /ARGOSY_IDLE_TIMEOUT is "soon"; write a number/,
  ],
  "a token in plain text": [
    { ARGOSY_SERVER: "grpc://a:1", ARGOSY_TOKEN: "secret" },
    /plain text to grpc:\/\/a:1; use grpcs/,
  ],
};
for (const [what, [environment, message]] of Object.entries(refused)) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => resolveConfig({}, environment),
      (error) => error instanceof ConfigurationError && message.test(error.message),
    );
  });
}

test("a server that is not there is told within the connect timeout", async () => {
  const client = new ArgosyClient({ server: "grpc://127.0.0.1:1", connectTimeout: 0.3 });
  await assert.rejects(client.load("a"), (error) => {
    assert.ok(error instanceof ServiceError);
    assert.equal(error.code, "UNAVAILABLE");
    assert.match(error.message, /at 127\.0\.0\.1:1 within 0\.3 s; start one .*correct ARGOSY_SERVER/);
    return true;
  });
  client.close();
});

test("a server that takes connections and says nothing is told within the connect timeout", async () => {
  const held: Socket[] = [];
  const silent = createServer((socket) => held.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const client = new ArgosyClient({ server: `grpc://127.0.0.1:${port}`, connectTimeout: 0.3, unaryDeadline: 3600 });
  await assert.rejects(client.load("a"), /within 0\.3 s; start one .*correct ARGOSY_SERVER/);
  client.close();
  for (const socket of held) socket.destroy();
  silent.close();
});

for (const [what, oldest, newest, cure] of [
  ["newer", 2, 3, /update this client/],
  ["older", 0, 0, /update the server/],
] as const) {
  test(`a server whose protocol is ${what} is refused at the first call`, async () => {
    const told = GetCapabilitiesResponse.fromPartial({
      oldestProtocolRevision: oldest,
      protocolRevision: newest,
      serverVersion: "9.9",
    });
    const getCapabilities = (_: unknown, reply: (error: null, value: GetCapabilitiesResponse) => void) =>
      reply(null, told);
    await withServer([{ definition: BlobServiceService, handlers: { getCapabilities } }], async (server) => {
      const client = new ArgosyClient({ server });
      await assert.rejects(client.save("a", 1), (error) => {
        assert.ok(error instanceof ProtocolRevisionError);
        assert.match(error.message, /version 9\.9/);
        assert.match(error.message, cure);
        return true;
      });
      client.close();
    });
  });
}
