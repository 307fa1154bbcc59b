import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { writeAtomically } from "./atomic-write.ts";
import { encodeSafetensors, type StoredTensor } from "./safetensors.ts";

/**
 * The folder of one training run:
 *
 *     metrics.jsonl         one JSON object a line, written as the run goes on
 *     weights.safetensors   the parameters
 *     run.json              what was run and what came out
 *     index.html            the page
 */
export class RunFolder {
  readonly path: string;
  #metrics: number | null = null;

  /** Makes the folder where it is missing. Throws the system's error when it cannot be made or written. */
  constructor(path: string, options: { readonly append?: boolean } = {}) {
    this.path = path;
    makeFolder(resolve(path));
    this.#metrics = openSync(this.file("metrics.jsonl"), options.append ? "a" : "w");
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Adds a line to the metrics; it is on its way to the disk when this returns. */
  record(event: object): void {
    if (this.#metrics === null) throw new Error(`the metrics of ${this.path} are closed`);
    appendFileSync(this.#metrics, `${JSON.stringify(event)}\n`);
  }

  saveTensors(name: string, tensors: ReadonlyMap<string, StoredTensor>, metadata?: Record<string, string>): void {
    writeAtomically(this.file(name), encodeSafetensors(tensors, metadata));
  }

  saveJson(name: string, value: unknown): void {
    writeAtomically(this.file(name), `${JSON.stringify(value, null, 2)}\n`);
  }

  saveText(name: string, text: string): void {
    writeAtomically(this.file(name), text);
  }

  close(): void {
    if (this.#metrics !== null) closeSync(this.#metrics);
    this.#metrics = null;
  }
}

/**
 * Makes a folder and those above it. Node's own `recursive` never returns where the system refuses a folder by ENOENT
 * although the one above it exists, as in /proc.
 */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const above = dirname(path);
  if (above !== path && !existsSync(above)) makeFolder(above);
  mkdirSync(path);
}
