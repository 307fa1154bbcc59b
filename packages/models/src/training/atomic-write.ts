import { renameSync, rmSync, writeFileSync } from "node:fs";

/** Writes a whole file or leaves the old one: a reader never sees half of it, even when the process dies meanwhile. */
export function writeAtomically(file: string, content: string | Uint8Array): void {
  const draft = `${file}.${process.pid}.part`;
  try {
    writeFileSync(draft, content);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
