/** A line of an MPS file that cannot be read; `line` counts from 1. */
export class MpsError extends Error {
  override readonly name = "MpsError";
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

/** A section's heading, which starts in the first column, or one of its lines, as fields. */
export interface MpsLine {
  readonly number: number;
  readonly heading: boolean;
  readonly fields: readonly string[];
}

/** Free: fields are separated by blanks. Fixed: they stand in fixed columns, so that names may contain blanks. */
export type MpsFormat = "free" | "fixed";

/** Where the six fields of the fixed format begin and end, counted from 0. */
const fixedColumns: readonly (readonly [number, number])[] = [
  [1, 3],
  [4, 12],
  [14, 22],
  [24, 36],
  [39, 47],
  [49, 61],
];

/** The lines that say something: comments (a star in the first column) and empty lines are left out. */
export function* mpsLines(text: string, format: MpsFormat): Generator<MpsLine> {
  let number = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).trimEnd();
    start = end + 1;
    number++;
    if (line === "" || line.startsWith("*")) continue;
    const heading = line[0] !== " " && line[0] !== "\t";
    const fields = heading || format === "free" ? line.trim().split(/\s+/) : fixedFields(line);
    yield { number, heading, fields };
  }
}

/** The fields in their columns, without the empty ones at the end. */
function fixedFields(line: string): string[] {
  const fields = fixedColumns.map(([from, to]) => line.slice(from, to).trim());
  while (fields.length > 0 && fields[fields.length - 1] === "") fields.pop();
  return fields;
}
