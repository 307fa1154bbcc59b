#!/usr/bin/env node
// A checked-in file, so that npm can link the command before the first build.
import { existsSync } from "node:fs";

const built = new URL("../dist/bin.js", import.meta.url);
if (existsSync(built)) await import(built);
else {
  process.stderr.write("solvegrad: not built yet, run npm run build in the folder of the checkout\n");
  process.exitCode = 2;
}
