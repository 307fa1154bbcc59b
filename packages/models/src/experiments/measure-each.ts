import type { Cell, ExperimentProgress, ExperimentResult, ResultTable } from "./experiment.ts";

/** Runs one measurement after another until the signal, tells how far it is, and returns what was measured. */
export async function measureEach<S, R>(
  settings: readonly S[],
  words: (setting: S) => string,
  measure: (setting: S) => Promise<R>,
  { progress, signal }: { readonly progress: ExperimentProgress; readonly signal?: AbortSignal },
): Promise<{ readonly results: R[]; readonly complete: boolean }> {
  const results: R[] = [];
  for (const [k, setting] of settings.entries()) {
    if (signal?.aborted) return { results, complete: false };
    progress(k / settings.length, words(setting));
    results.push(await measure(setting));
  }
  progress(1, "");
  return { results, complete: true };
}

/** An experiment that is one table: each measurement gives some of its rows. */
export async function tableOfEach<S>(
  table: Omit<ResultTable, "rows">,
  settings: readonly S[],
  words: (setting: S) => string,
  measure: (setting: S) => Promise<Cell[][]>,
  control: { readonly progress: ExperimentProgress; readonly signal?: AbortSignal },
): Promise<ExperimentResult> {
  const { results, complete } = await measureEach(settings, words, measure, control);
  return { tables: [{ ...table, rows: results.flat() }], figures: [], complete };
}
