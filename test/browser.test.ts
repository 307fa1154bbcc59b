import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "vite";
import { afterAll, describe, expect, it } from "vitest";
import { gradientsOfEveryRule } from "./browser/entry.ts";
import { expectClose } from "./close.ts";

const chromium = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path && existsSync(path));
const folder = mkdtempSync(join(tmpdir(), "solvegrad-browser-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The published entry points, bundled as an application's bundler would, in one classic script. */
async function bundle(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      lib: { entry: resolve(import.meta.dirname, "browser/entry.ts"), formats: ["iife"], name: "page" },
    },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (!("output" in output)) throw new Error("the bundler returned no output");
  return output.output[0].code;
}

function run(html: string): string {
  const page = join(folder, "index.html");
  writeFileSync(page, html);
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    ...quiet,
    `--user-data-dir=${folder}/profile`,
  ];
  const dom = execFileSync(chromium ?? "", [...flags, "--dump-dom", `file://${page}`], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return dom.match(/<body>([\s\S]*?)<\/body>/)?.[1] ?? dom;
}

describe("in a browser", () => {
  it("the packages bundle without any module of Node", async () => {
    expect(await bundle()).not.toMatch(/require\(|from\s*["']node:|__vite-browser-external/);
  });

  it.skipIf(!chromium)("Chromium gets the gradients that Node gets, on the wasm kernels", async () => {
    const script = await bundle();
    const answer = JSON.parse(
      run(`<!doctype html><body></body><script>${script.replaceAll("</script", "<\\/script")}</script>`),
    );
    expect(answer.kernels).toBe("wasm");
    expectClose(answer.gradients, gradientsOfEveryRule().gradients, 7);
  });
});
