import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** The folder of shared data beside the repository, or where SOLVEGRAD_DATA says. */
const folder = process.env.SOLVEGRAD_DATA ?? resolve(import.meta.dirname, "../../../../../shared/data");

/** The path of a file of the shared data; null, with a warning, where it is not there: tests that need it are skipped. */
export function dataFile(name: string): string | null {
  const file = resolve(folder, name);
  if (existsSync(file)) return file;
  console.warn(`tests of ${name} are skipped: ${file} does not exist (SOLVEGRAD_DATA names another folder)`);
  return null;
}

/** What a file of JSON holds. */
export function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}
