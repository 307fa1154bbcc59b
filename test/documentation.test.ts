import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { expectClose } from "./close.ts";

/**
 * Every TypeScript block of the README and of the guides is a program of its own: it is run, and where a line reads
 * `console.log(value); // expected`, what it logs must be the JSON after the slashes, numbers to 1e-6. All of them pass the
 * compiler's strict checks, as a reader's copy must.
 */
const root = resolve(import.meta.dirname, "..");
const guides = join(root, "docs/guides");
const pages = [
  join(root, "README.md"),
  ...readdirSync(guides)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(guides, name)),
];

interface Block {
  readonly page: string;
  readonly line: number;
  readonly code: string;
}

function blocksOf(path: string): Block[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => ({
    page: path.slice(root.length + 1),
    line: text.slice(0, match.index).split("\n").length,
    code: match[1],
  }));
}

function expectedLogs(code: string): (string | null)[] {
  return [...code.matchAll(/^\s*console\.log\(.*\);(?: \/\/ (.*))?$/gm)].map((match) => match[1] ?? null);
}

const blocks = pages.flatMap(blocksOf);
const folder = join(root, ".cache/documentation");

/** The block as a file of its own. */
function written(block: Block, index: number): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${block.page.replace(/\W+/g, "-")}-${index}.ts`);
  writeFileSync(file, block.code);
  return file;
}

/** What the compiler has to say of these files; nothing where all is well. */
async function typeErrors(files: readonly string[]): Promise<string> {
  const compilerOptions = { customConditions: ["solvegrad-source"], module: "nodenext", moduleDetection: "force" };
  const options = { ...compilerOptions, strict: true, noEmit: true, allowImportingTsExtensions: true, types: ["node"] };
  const config = join(folder, "tsconfig.json");
  writeFileSync(
    config,
    JSON.stringify({ compilerOptions: { ...options, target: "es2023", skipLibCheck: true }, files }),
  );
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const told = await promisify(execFile)(process.execPath, [compiler, "-p", config]).catch((error) => error);
  return told.stdout;
}

async function run(block: Block, index: number): Promise<unknown[]> {
  const file = written(block, index);
  const logged: unknown[] = [];
  vi.spyOn(console, "log").mockImplementation((value: unknown) => void logged.push(value));
  await import(/* @vite-ignore */ file);
  return logged;
}

afterEach(() => vi.restoreAllMocks());

it("the code of all pages passes the strict checks of the compiler", async () => {
  expect(await typeErrors(blocks.map(written))).toBe("");
});

describe.each(blocks.map((block, index) => ({ ...block, index })))("$page, line $line", (block) => {
  it("runs, and logs what it says", async () => {
    const logged = await run(block, block.index);
    const expected = expectedLogs(block.code);
    expect(logged).toHaveLength(expected.length);
    expected.forEach((text, i) => {
      if (text !== null) expectClose(logged[i], JSON.parse(text));
    });
  });
});
