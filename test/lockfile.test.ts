import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./command-line.ts";

interface LockedPackage {
  readonly optionalDependencies?: Record<string, string>;
}

// npm leaves out a platform's package when its registry has none at that moment, and `npm ci` then refuses the lock file.
it("the lock file has an entry for every optional dependency, also those of other platforms", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const packages: Record<string, LockedPackage> = lock.packages;
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});
