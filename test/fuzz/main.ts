import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { problemFiles } from "./problem-files.ts";
import { solveFile } from "./solve-file.ts";

/**
 * Random problem files through `solvegrad solve`, in this process, with totals by outcome at the end. Throws when one of them crashes,
 * hangs, prints NaN, or is called solved without being so.
 *
 *     npm run fuzz -- --count 20000 --seed 0
 */
export async function fuzz(argv: readonly string[]): Promise<void> {
  const options = { count: { type: "string", default: "20000" }, seed: { type: "string", default: "0" } } as const;
  const { count, seed } = parseArgs({ args: [...argv], options }).values;
  const files = fc.sample(problemFiles, { numRuns: Number(count), seed: Number(seed) });
  const folder = mkdtempSync(join(tmpdir(), "solvegrad-fuzz-"));
  const totals = new Map<string, number>();
  const add = (key: string) => totals.set(key, (totals.get(key) ?? 0) + 1);
  let slowest = 0;
  let faulty = 0;
  const begin = performance.now();
  for (const [k, file] of files.entries()) {
    const { exitCode, statuses, faults, seconds } = await solveFile(file, join(folder, "problem.json"));
    add(`exit code ${exitCode}`);
    for (const status of statuses) add(`  ${status}`);
    slowest = Math.max(slowest, seconds);
    if (faults.length > 0) {
      faulty++;
      console.log(`file ${k} ${file.options.join(" ")}: ${faults.join("; ")}\n${file.text}`);
    }
    if ((k + 1) % 1000 === 0) console.log(`${k + 1} files, ${faulty} faulty`);
  }
  rmSync(folder, { recursive: true });
  for (const [key, total] of [...totals].sort()) console.log(`${String(total).padStart(7)}  ${key}`);
  const seconds = (performance.now() - begin) / 1000;
  console.log(
    `${files.length} files in ${seconds.toFixed(0)} s, the slowest ${slowest.toFixed(2)} s; ${faulty} faulty`,
  );
  if (faulty > 0) throw new Error(`${faulty} of ${files.length} files were handled wrongly`);
}
