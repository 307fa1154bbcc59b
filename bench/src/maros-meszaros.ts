/**
 * The sparse interior point on the Maros-Meszaros convex QPs, and on LPs of Netlib: status, residuals recomputed from the
 * returned point in the problem's own scale, difference from the known optimum, iterations and solve time; of each solved one the
 * residual and time of the implicit VJP for the sum of x.
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
import {
  assessSparse,
  readMps,
  type SparseQuadraticProgram,
  type SparseSolution,
  sparseImplicitVjp,
  sparseInteriorPoint,
  sparseQuadraticProgram,
} from "@solvegrad/optlayers";

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
  const headings = [
    "n",
    "p",
    "m",
    "status",
    "primal",
    "dual",
    "gap",
    "|f - f*|",
    "iterations",
    "solve ms",
    "VJP error",
    "VJP ms",
  ];
  console.log(line("", headings));
  const rows = files.filter(isWanted).map((file) => runFile(file, optima));
  const reached = (limit: number) =>
    rows.filter(({ residual, solution }) => residual <= limit && solution.milliseconds <= timeLimit).length;
  const claims = rows.filter(({ solution }) => solution.status === "solved");
  const honest = claims.filter(({ residual }) => residual <= tolerance).length;
  console.log(
    `\n${reached(1e-6)} of ${rows.length} within 1e-6, ${reached(1e-9)} within 1e-9; ${honest} of ${claims.length} claims of "solved" true`,
  );
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
  const cells = [
    String(problem.n),
    String(problem.p),
    String(problem.m),
    solution.status,
    ...[primal, dual, gap].map((value) => value.toExponential(1)),
    optimum === undefined ? "" : Math.abs(objective - optimum).toExponential(1),
    String(solution.iterations),
    solution.milliseconds.toFixed(0),
    ...vjpCells(problem, solution),
  ];
  console.log(line(name, cells));
  return { name, solution, residual: Math.max(primal, dual, gap) };
}

/** Relative residual of the VJP's linear system and its time; the error is NaN where a cotangent is not finite. */
function vjpCells(problem: SparseQuadraticProgram, solution: SparseSolution): string[] {
  if (solution.status !== "solved" && solution.status !== "solved_inaccurate") return [];
  const { gradients, report } = sparseImplicitVjp(problem, solution, { x: new Float64Array(problem.n).fill(1) });
  const finite = Object.values(gradients).every((values: Float64Array) => values.every(Number.isFinite));
  return [(finite ? report.residual : Number.NaN).toExponential(1), report.milliseconds.toFixed(0)];
}

function line(title: string, cells: readonly string[]): string {
  const widths = [7, 7, 7, 19, 9, 9, 9, 10, 11, 10, 10, 8];
  return `${title.padEnd(10)}${cells.map((cell, k) => cell.padStart(widths[k])).join("")}`;
}

main();
