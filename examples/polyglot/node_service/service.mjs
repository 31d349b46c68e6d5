// Serves the classifier whose alias is prod, and swaps it when the alias moves.
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import { ArgosyClient } from "../../../clients/typescript/dist/index.js";

const client = new ArgosyClient();
const moves = await client.watch({ name: "classifier", alias: "prod" }); // first, so that no move is missed

async function load() {
  const { value, version } = await client.load("classifier", { alias: "prod" });
  const { value: weights } = await client.load("classifier_weights", { version: value.weights_version });
  return { ...value, version: version.version, weights: weights.data };
}

let serving = await load();

const server = createServer(async (request, response) => {
  const { version, weights, bias, mean, scale } = serving;
  const patient = await json(request).catch(() => undefined);
  if (!Array.isArray(patient) || patient.length !== weights.length) {
    response.writeHead(400).end(`send a list of ${weights.length} numbers`);
    return;
  }
  const score = patient.reduce((sum, value, at) => sum + ((value - mean[at]) / scale[at]) * weights[at], bias);
  response.end(JSON.stringify({ service: "node", version, probability: 1 / (1 + Math.exp(-score)) }));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.once("SIGTERM", () => process.exit(0));

for await (const _ of moves) {
  try {
    serving = await load();
  } catch (error) {
    console.error(`version ${serving.version} goes on serving:`, error);
  }
}
