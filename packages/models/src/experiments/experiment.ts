/** A value in a table; null where there is none. */
export type Cell = number | string | null;

/** What the numbers of a column are, which decides how they are written. */
export type Unit = "count" | "seconds" | "share" | "cosine" | "error" | "tolerance" | "number" | "text";

export interface Column {
  readonly title: string;
  readonly unit: Unit;
  /** The numbers are the paper's, and were not measured here. */
  readonly published?: boolean;
}

/** A table as plain data: one cell a column in every row. */
export interface ResultTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** What was run on what. */
  readonly caption: string;
}

export interface ResultAxis {
  readonly label: string;
  readonly scale?: "linear" | "log";
  /** The values are shares, to be shown in percent. */
  readonly percent?: boolean;
}

export interface ResultSeries {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** The points alone, without a line through them. */
  readonly pointsOnly?: boolean;
}

/** A figure as plain data: series over common axes. */
export interface ResultFigure {
  readonly title: string;
  readonly x: ResultAxis;
  readonly y: ResultAxis;
  readonly series: readonly ResultSeries[];
  readonly caption: string;
}

export interface ExperimentResult {
  readonly tables: readonly ResultTable[];
  readonly figures: readonly ResultFigure[];
  /** Whether everything was run: false where the signal came before the end. */
  readonly complete: boolean;
}

/** What can be chosen of an experiment; each takes the options that it names in `takes` and ignores the others. */
export interface ExperimentOptions {
  /** The sizes to run, each with as many numbers as the experiment has letters. */
  readonly sizes?: readonly (readonly number[])[];
  /** Times through the training examples. */
  readonly epochs?: number;
  /** How many seeds, from `seed` on. */
  readonly seeds?: number;
  /** The first seed. Default 0. */
  readonly seed?: number;
  /** How many training examples; a ninth as many test examples where they are made here. */
  readonly examples?: number;
  /** The data in place of those that the experiment finds or makes: a file or a folder. */
  readonly data?: string;
}

export type ExperimentOption = keyof ExperimentOptions;

/** Told how far an experiment is: a share from 0 to 1, and what is being done. */
export type ExperimentProgress = (share: number, note: string) => void;

/** One table or figure of a paper, and how to make it again. */
export interface Experiment {
  /** As on the command line. */
  readonly name: string;
  readonly title: string;
  /** Where the paper has it: "Alt-Diff, Table 1". */
  readonly source: string;
  /** What the numbers of a size are called, and the sizes without `sizes`. */
  readonly sizes?: { readonly letters: readonly string[]; readonly defaults: readonly (readonly number[])[] };
  readonly takes: readonly ExperimentOption[];
  /**
   * Runs it, and gives other work of the process its turn between two measurements; the signal ends it there, with what was measured.
   * Throws a DataFileError for data that are missing or damaged.
   */
  run(options: ExperimentOptions, progress: ExperimentProgress, signal?: AbortSignal): Promise<ExperimentResult>;
}

/** Where a number was lost in the text of the paper that we have. */
export const notInOurCopy = "not in our copy";
