/**
 * The sparse interior point on the Maros-Meszaros convex QPs, and on LPs of Netlib: status, residuals recomputed from the
 * returned point in the problem's own scale, difference from the known optimum, iterations, solve time and VJP time; of each
 * solved one the VJP against a directional finite difference over all data (`vjp-check.ts`), or the test by which its active set
 * is not clear. Totals at the end.
 *
 *     npm run bench:maros-meszaros [-- NAME ..]
 *
 * The data is looked for in the folder that SOLVEGRAD_DATA names, ../shared/data by default:
 * maros_meszaros/*.tar.xz with the QPS files and 00README.QP, and netlib_lp/*.mps.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, extname, join, resolve } from "node:path";
import { random } from "@solvegrad/autograd";
import {
  assessSparse,
  readMps,
  type SparseSolution,
  sparseInteriorPoint,
  sparseQuadraticProgram,
} from "@solvegrad/optlayers";
import { checkVjp, type VjpCheck } from "./vjp-check.ts";

const dataFolder = resolve(process.env.SOLVEGRAD_DATA ?? "../shared/data");
const wantedNames = new Set(process.argv.slice(2).map((name) => name.toUpperCase()));
const timeLimit = 60_000;
/** Asked of the solver, as absolute residuals. */
const tolerance = 1e-9;

interface Row {
  readonly name: string;
  readonly solution: SparseSolution;
  /** The largest of the three absolute residuals. */
  readonly residual: number;
  readonly check: VjpCheck | null;
}

function main(): void {
  const archives = filesOf(join(dataFolder, "maros_meszaros"), ".xz");
  if (archives.length === 0) console.log(`no Maros-Meszaros archive in ${dataFolder}`);
  for (const archive of archives) runArchive(archive);
  const linear = filesOf(join(dataFolder, "netlib_lp"), ".mps");
  if (linear.length > 0) runFiles("Netlib LPs", linear, new Map());
}

function filesOf(folder: string, extension: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => extname(name).toLowerCase() === extension);
  return names.sort().map((name) => join(folder, name));
}

function runArchive(archive: string): void {
  const scratch = mkdtempSync(join(tmpdir(), "solvegrad-qps-"));
  try {
    execFileSync("tar", ["-xJf", archive, "-C", scratch]);
    const readme = join(scratch, "00README.QP");
    const optima = existsSync(readme) ? knownOptima(readFileSync(readme, "utf8")) : new Map();
    runFiles(basename(archive), filesOf(scratch, ".qps"), optima);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The last column of the table of problems, by name without punctuation: the table and the files spell them differently. */
function knownOptima(readme: string): Map<string, number> {
  const lines = readme.matchAll(/^(\S+)(?:\s+\d+){5}\s+(\S+)\s*$/gm);
  return new Map([...lines].map(([, name, optimum]) => [plainName(name), Number(optimum)]));
}

function plainName(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, "");
}

function runFiles(title: string, files: readonly string[], optima: ReadonlyMap<string, number>): void {
  console.log(`\n${title}, tolerance ${tolerance} absolute, ${timeLimit / 1000} s each\n`);
  console.log(line("", headings));
  const rows = files.filter(isWanted).map((file) => runFile(file, optima));
  printTotals(rows);
}

const headings = [
  "n",
  "m",
  "status",
  "primal",
  "dual",
  "gap",
  "|f - f*|",
  "iterations",
  "solve ms",
  "VJP ms",
  "VJP check",
];

function printTotals(rows: readonly Row[]): void {
  const reached = (limit: number) =>
    rows.filter(({ residual, solution }) => residual <= limit && solution.milliseconds <= timeLimit).length;
  const claims = rows.filter(({ solution }) => solution.status === "solved");
  const honest = claims.filter(({ residual }) => residual <= tolerance).length;
  const checks = rows.flatMap(({ check }) => (check === null ? [] : [check]));
  const compared = checks.flatMap(({ error }) => (error === null ? [] : [error]));
  const unclear = new Map<string, number>();
  for (const { error, reason } of checks) if (error === null) unclear.set(reason, (unclear.get(reason) ?? 0) + 1);
  const reasons = [...unclear].map(([reason, count]) => `${count} ${reason}`).join(", ");
  console.log(`
solved within 1e-6   ${reached(1e-6)} of ${rows.length}
solved within 1e-9   ${reached(1e-9)}
claims of "solved"   ${claims.length}, true ${honest}
VJP finite           ${checks.filter(({ finite }) => finite).length} of ${checks.length}
VJP within 1e-5      ${compared.filter((error) => error <= 1e-5).length} of ${compared.length} compared
not compared         ${checks.length - compared.length}${reasons === "" ? "" : `: ${reasons}`}`);
}

function isWanted(file: string): boolean {
  return wantedNames.size === 0 || wantedNames.has(basename(file, extname(file)).toUpperCase());
}

function runFile(file: string, optima: ReadonlyMap<string, number>): Row {
  const name = basename(file, extname(file));
  const problem = sparseQuadraticProgram(readMps(readFileSync(file, "utf8")).data);
  const solution = sparseInteriorPoint({ tolerance, residuals: "absolute", timeLimit }).solve(problem);
  const { primal, dual, gap, objective } = assessSparse(problem, solution);
  const optimum = optima.get(plainName(name));
  const residual = Math.max(primal, dual, gap);
  const isSolved = solution.status === "solved" || solution.status === "solved_inaccurate";
  const check = isSolved && residual <= 1e-6 ? checkVjp(problem, solution, numbers(name)) : null;
  const cells = [
    String(problem.n),
    String(problem.p + problem.m),
    solution.status,
    ...[primal, dual, gap].map((value) => value.toExponential(1)),
    optimum === undefined ? "" : Math.abs(objective - optimum).toExponential(1),
    String(solution.iterations),
    solution.milliseconds.toFixed(0),
    check?.milliseconds.toFixed(0) ?? "",
    check === null ? "" : check.finite ? (check.error?.toExponential(1) ?? check.reason) : "not finite",
  ];
  console.log(line(name, cells));
  return { name, solution, residual, check };
}

/** Random numbers that are the same at every run. */
function numbers(name: string): () => number {
  const seed = [...name].reduce((sum, letter) => 31 * sum + letter.charCodeAt(0), 7) % 2 ** 31;
  const generator = random(seed);
  let block: ArrayLike<number> = [];
  let at = 0;
  return () => {
    if (at === block.length) [block, at] = [generator.uniform([4096], { low: -1, high: 1 }).data(), 0];
    return block[at++];
  };
}

function line(title: string, cells: readonly string[]): string {
  const widths = [7, 7, 19, 9, 9, 9, 10, 11, 10, 8, 22];
  return `${title.padEnd(10)}${cells.map((cell, k) => cell.padStart(widths[k])).join("")}`;
}

main();
