import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { resolveConfig } from "../config.js";
import { TestServer } from "./server.js";

const PACKAGE = resolve(import.meta.dirname, "../..");
const README = readFileSync(join(PACKAGE, "README.md"), "utf8");

function blocks(language: string): string[] {
  return [...README.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, found]) => found === language)
    .map(([, , code]) => code as string);
}

test("the blocks of the README compile and run, one after the other", { timeout: 300_000 }, async () => {
  const found = blocks("ts");
  assert.ok(found.length >= 8);
  const server = await TestServer.start();
  // Inside of the package, so that it is found by its own name.
  const folder = join(PACKAGE, "dist/readme");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "source"), { recursive: true });
  writeFileSync(join(folder, "source/readme.ts"), found.join("\n"));
  const compilerOptions = { rootDir: "source", outDir: "built", declaration: false };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["source"] }),
  );
  try {
    const compiled = spawnSync(process.execPath, [join(PACKAGE, "node_modules/typescript/bin/tsc"), "-p", folder], {
      encoding: "utf8",
    });
    assert.equal(compiled.status, 0, compiled.stdout);
    const env = { ...process.env, ARGOSY_SERVER: server.address, ARGOSY_PROJECT: "readme" };
    const printed = execFileSync(process.execPath, [join(folder, "built/readme.js")], {
      cwd: server.folder,
      env,
      encoding: "utf8",
    });
    assert.match(printed, /serving with 0\.1/);
    assert.match(printed, /not there yet/);
    assert.equal(readFileSync(join(server.folder, "dump.bin"), "utf8"), "the bytes of a model");
    assert.equal(readFileSync(join(server.folder, "models/current/model.onnx"), "utf8"), "the bytes of a model");
  } finally {
    rmSync(folder, { recursive: true });
    await server.kill("SIGTERM");
  }
});

test("the commands of the README are scripts of the package", () => {
  const { scripts } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const named = [...README.matchAll(/npm (?:run )?(build|test|check)\b/g)].map(([, name]) => name as string);
  assert.ok(named.length > 0 && named.every((name) => name in scripts));
});

test("the settings table of the README names every setting, its variable and its default", () => {
  const rows = [...README.matchAll(/^\| `(\w+)` \| (?:`(ARGOSY_\w+)`)? ?\| .* \| (.*) \|$/gm)];
  const documented = rows.map(([, option, variable, fallback]) => [option, variable, fallback]);
  const config = resolveConfig({ server: "grpc://a:1" }, {});
  assert.deepEqual(documented, [
    ["server", "ARGOSY_SERVER", "none"],
    ["project", "ARGOSY_PROJECT", `\`${config.project}\``],
    ["token", "ARGOSY_TOKEN", "none"],
    ["credentials", undefined, "by `server`"],
    ["connectTimeout", "ARGOSY_CONNECT_TIMEOUT", String(config.connectTimeout)],
    ["unaryDeadline", "ARGOSY_UNARY_DEADLINE", String(config.unaryDeadline)],
    ["idleTimeout", "ARGOSY_IDLE_TIMEOUT", String(config.idleTimeout)],
  ]);
});
