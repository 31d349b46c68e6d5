/** Runs the vectors of protos/testdata, the same ones in every language. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { arrayVectors, documentVectors } from "./codec_vectors.js";
import { digestVectors, errorVectors, nameVectors } from "./rule_vectors.js";
import { pageVectors, resumeVectors } from "./scripted_vectors.js";

/** One vector: its name, and what throws when it does not hold. */
export interface Vector {
  readonly name: string;
  run(): void | Promise<void>;
}

const FILES: Readonly<Record<string, (content: never) => Vector[]>> = {
  // First, as these wait for the pauses between attempts.
  "resume.json": resumeVectors,
  "digests.json": digestVectors,
  "json.json": documentVectors,
  "npy.json": arrayVectors,
  "names.json": nameVectors,
  "page_tokens.json": pageVectors,
  "errors.json": errorVectors,
};

/** Vectors that wait do so side by side. */
const AT_ONCE = 64;

/**
 * Runs all of them, or those of some files, and returns how many there are.
 *
 * @throws Error names the first one that does not hold.
 */
export async function runVectors(folder: string, files: readonly string[] = Object.keys(FILES)): Promise<number> {
  const vectors = Object.entries(FILES)
    .filter(([path]) => files.includes(path))
    .flatMap(([path, make]) => {
      const content = JSON.parse(readFileSync(join(folder, path), "utf8")) as never;
      return make(content).map((vector) => ({ ...vector, name: `${path}: ${vector.name}` }));
    });
  const queue = vectors.values();
  const lane = async () => {
    for (const { name, run } of queue) {
      try {
        await run();
      } catch (error) {
        throw new Error(`vector ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return vectors.length;
}
