import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { writeAtomically } from "../src/training/atomic-write.ts";
import { RunFolder } from "../src/training/run-folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-folder-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("RunFolder", () => {
  it("makes the folders above it, and takes one that is there", () => {
    const path = join(scratch, "a", "b", "c");
    new RunFolder(path).close();
    new RunFolder(path).close();
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it("says that a file is in the way", () => {
    const file = join(scratch, "file");
    writeFileSync(file, "");
    expect(() => new RunFolder(file)).toThrow("EEXIST");
    expect(() => new RunFolder(join(file, "inside"))).toThrow("ENOTDIR");
  });

  // Linux refuses any folder in /proc by ENOENT, at which Node's recursive mkdir tries for ever
  it.runIf(existsSync("/proc/self"))("gives up where the system has no such place", () => {
    expect(() => new RunFolder("/proc/solvegrad")).toThrow("ENOENT");
    expect(() => new RunFolder("/proc/solvegrad/run")).toThrow("ENOENT");
  });
});

describe("writeAtomically", () => {
  it("leaves nothing but the file, in its newest form", () => {
    const folder = join(scratch, "files");
    mkdirSync(folder);
    writeAtomically(join(folder, "page.html"), "old");
    writeAtomically(join(folder, "page.html"), "new");
    expect(readdirSync(folder)).toEqual(["page.html"]);
    expect(readFileSync(join(folder, "page.html"), "utf8")).toBe("new");
  });

  it("keeps a link and replaces what it points to", () => {
    const [file, link] = [join(scratch, "target"), join(scratch, "link")];
    writeFileSync(file, "old");
    symlinkSync(file, link);
    writeAtomically(link, "new");
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, "utf8")).toBe("new");
  });

  it.runIf(existsSync("/dev/null"))("writes to a device and does not put a file in its place", () => {
    const device = join(scratch, "null");
    symlinkSync("/dev/null", device);
    writeAtomically(device, "gone");
    expect(statSync(device).isCharacterDevice()).toBe(true);
  });
});
