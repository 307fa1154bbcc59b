import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

/**
 * Writes a whole file or leaves the old one: a reader never sees half of it, even when the process dies meanwhile. What
 * cannot be replaced, a pipe or a device such as /dev/stdout, is written to as it is; a link stays and its file is replaced.
 */
export function writeAtomically(file: string, content: string | Uint8Array): void {
  const before = statSync(file, { throwIfNoEntry: false });
  if (before && !before.isFile() && !before.isDirectory()) writeFileSync(file, content);
  else replaceFile(before ? realpathSync(file) : file, content);
}

function replaceFile(file: string, content: string | Uint8Array): void {
  const draft = `${file}.${process.pid}.part`;
  try {
    writeFileSync(draft, content);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
