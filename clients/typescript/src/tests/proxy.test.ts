import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, test } from "node:test";

import { ArgosyClient } from "../index.js";
import { Store } from "./server.js";

const store = new Store();
const tunnels: string[] = [];
const proxy = createServer().on("connect", ({ url = "" }, socket, head) => {
  tunnels.push(url);
  const [host, port] = url.split(":");
  const upstream = connect(Number(port), host, () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
  for (const end of [socket, upstream]) {
    end.on("error", () => undefined);
    end.on("close", () => (socket.destroy(), upstream.destroy()));
  }
});

after(() => proxy.close());

test("calls go through the proxy of the environment, except to hosts it is not for", async () => {
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  const proxied = { grpc_proxy: `http://127.0.0.1:${port}`, no_grpc_proxy: "elsewhere" };
  const address = store.server.address.replace("grpc://", "");
  for (const [variables, expected] of [
    [proxied, [address]],
    [{ ...proxied, no_grpc_proxy: "127.0.0.1" }, []],
  ] as const) {
    tunnels.length = 0;
    Object.assign(process.env, variables);
    const client = new ArgosyClient({ server: store.server.address });
    await client.save("through", Buffer.alloc(3 << 20, tunnels.length));
    assert.equal((await client.load<Buffer>("through")).value.length, 3 << 20);
    client.close();
    assert.deepEqual(tunnels, expected);
  }
});
