#!/usr/bin/env node
import { exitCodes } from "./exit.ts";
import { outliveLostOutput } from "./output/streams.ts";
import { run } from "./run.ts";

outliveLostOutput(exitCodes.badInput);
process.exitCode = await run(process.argv.slice(2));
