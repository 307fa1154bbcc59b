#!/usr/bin/env node
import { outliveClosedPipes } from "./output/streams.ts";
import { run } from "./run.ts";

outliveClosedPipes();
process.exitCode = await run(process.argv.slice(2));
