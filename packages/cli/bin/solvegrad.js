#!/usr/bin/env node
// A checked-in file, so that npm can link the command before the first build.
import "../dist/bin.js";
