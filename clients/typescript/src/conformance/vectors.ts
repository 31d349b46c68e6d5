/** Runs the vectors of protos/testdata that need no server, the same ones in every language. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { arrayVectors, documentVectors } from "./codec_vectors.js";
import { digestVectors, errorVectors, nameVectors } from "./rule_vectors.js";
import type { Vector } from "./vector.js";

const FILES: Readonly<Record<string, (content: never) => Vector[]>> = {
  "digests.json": digestVectors,
  "json.json": documentVectors,
  "npy.json": arrayVectors,
  "names.json": nameVectors,
  "errors.json": errorVectors,
};

/**
 * Runs all of them, and returns how many there are.
 *
 * @throws Error names the first one that does not hold.
 */
export async function runVectors(folder: string): Promise<number> {
  let passed = 0;
  for (const [path, make] of Object.entries(FILES)) {
    for (const { name, run } of make(JSON.parse(readFileSync(join(folder, path), "utf8")) as never)) {
      try {
        await run();
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(`vector ${path}: ${name}: ${message}`, { cause: error });
      }
      passed += 1;
    }
  }
  return passed;
}
