import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MpsProblem, readMps } from "../../src/index.ts";
import { dataFile } from "./data.ts";

const archive = dataFile("maros_meszaros/maros_meszaros_66.tar.xz");

/** Whether the problems are there. */
export const hasMarosMeszaros = archive !== null;

/** Problems of the Maros-Meszaros set, by name; unpacked until they are closed. */
export class MarosMeszaros {
  private readonly folder = mkdtempSync(join(tmpdir(), "maros-meszaros-"));

  constructor() {
    if (archive) execFileSync("tar", ["-xJf", archive, "-C", this.folder]);
  }

  read(name: string): MpsProblem["data"] {
    return readMps(readFileSync(join(this.folder, `${name}.QPS`), "latin1")).data;
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}
