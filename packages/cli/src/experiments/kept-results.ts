import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ExperimentOptions, writeAtomically } from "@solvegrad/models";
import type { ExperimentRecord } from "./experiment-record.ts";

/** Results of experiments in a folder, one JSON file for each name and options. */
export class KeptResults {
  readonly folder: string;

  /** The folder is made. Throws the system's error where it cannot be. */
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** What was kept of this experiment with these options; null where there is nothing, or nothing that can be read. */
  find(name: string, options: ExperimentOptions): ExperimentRecord | null {
    try {
      const kept: ExperimentRecord = JSON.parse(readFileSync(this.file(name, options), "utf8"));
      return kept.name === name && kept.result.complete ? kept : null;
    } catch {
      return null;
    }
  }

  keep(record: ExperimentRecord): void {
    writeAtomically(this.file(record.name, record.options), `${JSON.stringify(record)}\n`);
  }

  file(name: string, options: ExperimentOptions): string {
    const sorted = Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const key = createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 12);
    return join(this.folder, `${name}-${key}.json`);
  }
}
