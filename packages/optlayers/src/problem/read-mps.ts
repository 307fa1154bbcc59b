import { fromTriplets, type Triplet } from "@solvegrad/linalg";
import { MpsError, type MpsFormat, type MpsLine, mpsLines } from "./mps-lines.ts";
import type { SparseQuadraticProgramData } from "./read-sparse-quadratic-program.ts";
import type { SparseQuadraticBatchData } from "./sparse-quadratic-data.ts";

/** A linear or quadratic program as an MPS or QPS file states it. */
export interface MpsProblem {
  readonly name: string;
  /** Equalities are the E rows without a range, inequalities the other ones, both in the order of the file. */
  readonly data: SparseQuadraticProgramData & SparseQuadraticBatchData;
  readonly variables: readonly string[];
  readonly equalities: readonly string[];
  readonly inequalities: readonly string[];
  /** Variables that the file declares integer: `data` is the relaxation. */
  readonly integers: readonly string[];
  /** Whether the file maximizes: `data` then minimizes the negative objective. */
  readonly maximize: boolean;
}

/**
 * Reads MPS, and QPS as I. Maros and Cs. Meszaros define it (QUADOBJ: one triangle of Q; QMATRIX: both), in free or fixed
 * form: the free one is tried first. The first N row is the objective, the others are dropped; the objective's RHS is minus
 * its constant; RANGES as usual (an E row with range r becomes [b, b + r] or [b + r, b]); a negative UP bound on a variable
 * whose lower bound was not set frees it below.
 *
 * Throws an `MpsError` with the line and what was expected.
 */
export function readMps(text: string, format?: MpsFormat): MpsProblem {
  if (format !== undefined) return readAs(text, format);
  try {
    return readAs(text, "free");
  } catch (freeError) {
    if (!(freeError instanceof MpsError)) throw freeError;
    try {
      return readAs(text, "fixed");
    } catch {
      throw freeError;
    }
  }
}

function readAs(text: string, format: MpsFormat): MpsProblem {
  const reader = new MpsReader(format);
  for (const line of mpsLines(text, format)) {
    if (line.heading) reader.startSection(line);
    else reader.readLine(line);
    if (reader.ended) return reader.problem();
  }
  throw new MpsError(text.split("\n").length, "the file ends without ENDATA");
}

type RowKind = "N" | "E" | "L" | "G";

interface Row {
  readonly name: string;
  readonly kind: RowKind;
  rhs: number;
  range: number | null;
}

interface Column {
  readonly name: string;
  lower: number;
  upper: number;
  /** Whether a bound has set `lower`. */
  lowerSet: boolean;
  integer: boolean;
}

const sections = new Set(["ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "QUADOBJ", "QMATRIX", "QSECTION", "OBJSENSE"]);
const boundsWithValue = new Set(["LO", "UP", "FX", "LI", "UI"]);
const boundsWithoutValue = new Set(["FR", "MI", "PL", "BV"]);

class MpsReader {
  ended = false;
  private name = "";
  private section = "";
  private maximize = false;
  private insideIntegers = false;
  private readonly rows: Row[] = [];
  private readonly rowPlace = new Map<string, number>();
  private readonly columns: Column[] = [];
  private readonly columnPlace = new Map<string, number>();
  private readonly entries: Triplet[] = [];
  private readonly quadratic: Triplet[] = [];
  private readonly format: MpsFormat;

  constructor(format: MpsFormat) {
    this.format = format;
  }

  startSection({ number, fields: [word, ...rest] }: MpsLine): void {
    if (word === "NAME") {
      this.name = rest[0] ?? "";
    } else if (word === "ENDATA") {
      this.ended = true;
    } else if (sections.has(word)) {
      this.section = word;
      if (word === "OBJSENSE" && rest.length > 0) this.readSense(number, rest[0]);
    } else {
      throw new MpsError(number, `unknown section ${word}, expected one of ${[...sections].join(", ")}`);
    }
  }

  readLine(line: MpsLine): void {
    const { number, fields } = line;
    if (this.section === "ROWS") this.readRow(number, fields);
    else if (this.section === "COLUMNS") this.readColumn(number, this.named(fields));
    else if (this.section === "RHS") this.readPairs(number, this.setOf(fields), (row, value) => (row.rhs = value));
    else if (this.section === "RANGES") this.readPairs(number, this.setOf(fields), (row, value) => (row.range = value));
    else if (this.section === "BOUNDS") this.readBound(number, fields);
    else if (this.section === "OBJSENSE") this.readSense(number, fields[fields.length - 1]);
    else if (this.section !== "") this.readQuadratic(number, this.named(fields));
    else throw new MpsError(number, "a line before the first section");
  }

  /** The fields from the first name on: a fixed line has an empty field of one character before it. */
  private named(fields: readonly string[]): readonly string[] {
    return this.format === "fixed" ? fields.slice(1) : fields;
  }

  /** Name and value pairs, without the name of the set, which the free form may leave out. */
  private setOf(fields: readonly string[]): readonly string[] {
    const named = this.named(fields);
    return this.format === "fixed" || named.length % 2 === 1 ? named.slice(1) : named;
  }

  private readSense(number: number, word: string): void {
    if (!/^(min|max)(imize)?$/i.test(word)) throw new MpsError(number, `objective sense ${word}, expected MIN or MAX`);
    this.maximize = /^max/i.test(word);
  }

  private readRow(number: number, [kind, name]: readonly string[]): void {
    if (kind !== "N" && kind !== "E" && kind !== "L" && kind !== "G") {
      throw new MpsError(number, `row of kind ${kind}, expected N, E, L or G`);
    }
    if (name === undefined || this.rowPlace.has(name)) {
      throw new MpsError(number, name === undefined ? "a row without a name" : `row ${name} is there twice`);
    }
    this.rowPlace.set(name, this.rows.length);
    this.rows.push({ name, kind, rhs: 0, range: null });
  }

  private readColumn(number: number, [name, ...pairs]: readonly string[]): void {
    if (pairs[0] === "'MARKER'") {
      this.insideIntegers = pairs.includes("'INTORG'");
      return;
    }
    let j = this.columnPlace.get(name);
    if (j === undefined) {
      j = this.columns.length;
      this.columnPlace.set(name, j);
      this.columns.push({ name, lower: 0, upper: Infinity, lowerSet: false, integer: this.insideIntegers });
    } else if (j !== this.columns.length - 1) {
      throw new MpsError(number, `column ${name} continues after another one has begun`);
    }
    const column = j;
    this.readPairs(number, pairs, (_, value, i) => this.entries.push([i, column, value]));
  }

  private readPairs(
    number: number,
    pairs: readonly string[],
    take: (row: Row, value: number, place: number) => void,
  ): void {
    if (pairs.length === 0 || pairs.length % 2 === 1) {
      throw new MpsError(number, `${pairs.length} fields after the name, expected pairs of a row and a number`);
    }
    for (let k = 0; k < pairs.length; k += 2) {
      const i = this.rowPlace.get(pairs[k]);
      if (i === undefined) throw new MpsError(number, `unknown row ${pairs[k]}`);
      take(this.rows[i], finite(number, pairs[k + 1]), i);
    }
  }

  private readBound(number: number, fields: readonly string[]): void {
    const kind = fields[0];
    const takesValue = boundsWithValue.has(kind);
    if (!takesValue && !boundsWithoutValue.has(kind)) throw new MpsError(number, `unknown bound ${kind}`);
    // the free form may leave the set's name out; a value behind FR, MI, PL or BV says nothing
    const withoutSet = this.format === "free" && (takesValue ? fields.length === 3 : fields.length === 2);
    const [name, text] = fields.slice(withoutSet ? 1 : 2);
    const j = this.columnPlace.get(name);
    if (j === undefined) throw new MpsError(number, `bound ${kind} on an unknown column ${name}`);
    setBound(this.columns[j], kind, takesValue ? numberOf(number, text) : 0);
  }

  private readQuadratic(number: number, [first, second, text]: readonly string[]): void {
    const i = this.columnPlace.get(first);
    const j = this.columnPlace.get(second);
    if (i === undefined || j === undefined) {
      throw new MpsError(number, `unknown column ${i === undefined ? first : second}`);
    }
    const value = finite(number, text);
    this.quadratic.push([i, j, value]);
    if (i !== j && this.section !== "QMATRIX") this.quadratic.push([j, i, value]);
  }

  problem(): MpsProblem {
    const isEquality = (row: Row) => row.kind === "E" && row.range === null;
    const objective = this.rows.findIndex((row) => row.kind === "N");
    const equalities = this.rows.filter(isEquality);
    const inequalities = this.rows.filter((row) => row.kind !== "N" && !isEquality(row));
    const n = this.columns.length;
    const sign = this.maximize ? -1 : 1;
    const bounds = inequalities.map(rowBounds);
    return {
      name: this.name,
      data: {
        Q: fromTriplets(
          [n, n],
          this.quadratic.map(([i, j, value]) => [i, j, sign * value]),
        ),
        q: this.objectiveRow(objective, sign),
        A: this.matrixOf(equalities),
        b: equalities.map((row) => row.rhs),
        G: this.matrixOf(inequalities),
        l: bounds.map(([low]) => low),
        u: bounds.map(([, high]) => high),
        lower: this.columns.map((column) => column.lower),
        upper: this.columns.map((column) => column.upper),
        constant: objective < 0 ? 0 : -sign * this.rows[objective].rhs,
      },
      variables: this.columns.map((column) => column.name),
      equalities: equalities.map((row) => row.name),
      inequalities: inequalities.map((row) => row.name),
      integers: this.columns.filter((column) => column.integer).map((column) => column.name),
      maximize: this.maximize,
    };
  }

  private objectiveRow(objective: number, sign: number): Float64Array {
    const q = new Float64Array(this.columns.length);
    for (const [i, j, value] of this.entries) if (i === objective) q[j] += sign * value;
    return q;
  }

  private matrixOf(rows: readonly Row[]) {
    const place = new Int32Array(this.rows.length).fill(-1);
    rows.forEach((row, i) => {
      place[this.rowPlace.get(row.name) ?? 0] = i;
    });
    const entries = this.entries.filter(([i]) => place[i] >= 0);
    return fromTriplets(
      [rows.length, this.columns.length],
      entries.map(([i, j, value]): Triplet => [place[i], j, value]),
    );
  }
}

function setBound(column: Column, kind: string, value: number): void {
  if (kind === "UP" || kind === "UI") {
    column.upper = value;
    if (value < 0 && !column.lowerSet) column.lower = -Infinity;
  } else if (kind === "PL") {
    column.upper = Infinity;
  } else {
    column.lowerSet = true;
    if (kind === "LO" || kind === "LI" || kind === "FX") column.lower = value;
    if (kind === "FX") column.upper = value;
    if (kind === "MI" || kind === "FR") column.lower = -Infinity;
    if (kind === "FR") column.upper = Infinity;
    if (kind === "BV") [column.lower, column.upper] = [0, 1];
  }
  if (kind === "BV" || kind === "LI" || kind === "UI") column.integer = true;
}

/** The interval of a row that is no objective. */
function rowBounds({ kind, rhs, range }: Row): [number, number] {
  if (kind === "E") return range === null || range >= 0 ? [rhs, rhs + (range ?? 0)] : [rhs + range, rhs];
  if (kind === "L") return [range === null ? -Infinity : rhs - Math.abs(range), rhs];
  return [rhs, range === null ? Infinity : rhs + Math.abs(range)];
}

/** Bounds of 1e30 and beyond mean none. */
function numberOf(line: number, text: string | undefined): number {
  const value = text === undefined ? Number.NaN : Number(text.replace(/[dD]/, "e"));
  if (/^[+-]?inf(inity)?$/i.test(text ?? "")) return text?.startsWith("-") ? -Infinity : Infinity;
  if (Number.isNaN(value) || text === "") throw new MpsError(line, `${text ?? "nothing"} where a number is expected`);
  if (Math.abs(value) >= 1e30) return Math.sign(value) * Infinity;
  return value;
}

function finite(line: number, text: string | undefined): number {
  const value = numberOf(line, text);
  if (!Number.isFinite(value)) throw new MpsError(line, `${text} where a number below 1e30 in size is expected`);
  return value;
}
