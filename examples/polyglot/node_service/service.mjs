// Serves the ONNX model that belongs to the classifier whose alias is prod, and swaps it when the alias moves.
import { createServer } from "node:http";
import { buffer, json } from "node:stream/consumers";

import { InferenceSession, Tensor } from "onnxruntime-web";

import { ArgosyClient } from "../../../clients/typescript/dist/index.js";

const client = new ArgosyClient();
const moves = await client.watch({ name: "classifier", alias: "prod" }); // first, so that no move is missed

async function load() {
  const { value, version } = await client.load("classifier", { alias: "prod" });
  const content = await client.open("classifier_onnx", { version: value.onnx_version }); // fails unless all is verified
  const session = await InferenceSession.create(new Uint8Array(await buffer(content)));
  return { session, version: version.version, width: session.inputMetadata[0].shape[1], busy: Promise.resolve() };
}

let serving = await load();

const server = createServer(async (request, response) => {
  const patient = await json(request).catch(() => undefined);
  const model = serving;
  if (!Array.isArray(patient) || patient.length !== model.width || !patient.every(Number.isFinite)) {
    response.writeHead(400).end(`send a list of ${model.width} numbers`);
    return;
  }
  const answer = model.session.run({ patients: new Tensor("float64", patient, [1, model.width]) });
  model.busy = Promise.allSettled([model.busy, answer]);
  try {
    const { probabilities } = await answer;
    response.end(JSON.stringify({ service: "node", version: model.version, probability: probabilities.data[0] }));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.once("SIGTERM", () => process.exit(0));

for await (const _ of moves) {
  try {
    const before = serving;
    serving = await load();
    await before.busy; // the answers under way
    await before.session.release();
  } catch (error) {
    console.error(`version ${serving.version} goes on serving:`, error);
  }
}
