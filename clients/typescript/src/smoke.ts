/**
 * Proves the contract from Node: saves bytes, reads them back verified, and loads a json artifact
 * that another language made.
 *
 *     node dist/smoke.js grpc://127.0.0.1:50051 settings from-node
 */
import { ArgosyClient } from "./client.js";

const [address = process.env["ARGOSY_SERVER"], jsonName, bytesName = "from-node"] = process.argv.slice(2);
if (address === undefined || jsonName === undefined) {
  console.error("usage: node dist/smoke.js ADDRESS JSON_ARTIFACT [BYTES_ARTIFACT]");
  process.exit(2);
}

const client = new ArgosyClient(address);
try {
  // Three chunks, the last one not full.
  const sent = Buffer.alloc(2_400_000, "argosy\x00\xff", "latin1");
  const { version } = await client.saveBytes(bytesName, sent);
  const loaded = await client.load(bytesName, { version });
  const received = loaded.bytes();
  if (!received.equals(sent)) throw new Error(`${bytesName} came back changed`);
  console.log("bytes", bytesName, version, loaded.version.files[0]?.digest, received.length);

  const document = await client.load(jsonName);
  console.log("json", jsonName, document.version.version, JSON.stringify(document.json()));
} finally {
  client.close();
}
