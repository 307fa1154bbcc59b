import { constants } from "node:buffer";
import { createReadStream } from "node:fs";
import { InputError } from "../exit.ts";

/** The text of a file, or of the standard input for "-". Throws an InputError when it cannot be read or is not UTF-8. */
export async function readText(file: string): Promise<string> {
  const bytes = file === "-" ? await readToEnd(process.stdin, sourceName(file)) : await readBytes(file);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`${sourceName(file)} is not UTF-8 text`);
  }
}

/** How messages call the input. */
export function sourceName(file: string): string {
  return file === "-" ? "standard input" : file;
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readToEnd(createReadStream(file, { highWaterMark: 1 << 20 }), file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot read ${file}: ${reasonOf(error)}`);
  }
}

/** No string is longer: a larger input cannot become text, and a device without an end is not read for ever. */
const mostBytes = constants.MAX_STRING_LENGTH;

async function readToEnd(stream: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > mostBytes)
      throw new InputError(`${name} has more than ${mostBytes >> 20} MiB, which is no problem file`);
  }
  return Buffer.concat(chunks);
}

const reasons: Record<string, string> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EISDIR: "it is a folder, not a file",
  ENOTDIR: "a part of the path is a file, not a folder",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the device",
  EEXIST: "a file of that name is in the way",
};

/** Whether the operating system refused something: a full disk, a folder that is not there. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
}

/** A system error in words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  return (code !== undefined && reasons[code]) || error.message;
}
