import { describe, expect, it } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import { decodeCheckpoint } from "../src/training/checkpoint.ts";
import { encodeSafetensors } from "../src/training/safetensors.ts";

const checkpoint = (position: string) => encodeSafetensors(new Map(), { format: "solvegrad checkpoint", position });

describe("decodeCheckpoint", () => {
  it("returns where the run stands", () => {
    const position = { stepsTaken: 3, optimizer: { weights: { t: 3 } }, settings: { seed: 1 } };
    expect(decodeCheckpoint(checkpoint(JSON.stringify(position)), "run")).toEqual({ ...position, tensors: new Map() });
  });

  const damages: [string, string][] = [
    ["is cut off", '{"stepsTaken": 3'],
    ["is null", "null"],
    ["has no steps", '{"optimizer": {}, "settings": {}}'],
    ["has steps before the first", '{"stepsTaken": -3, "optimizer": {}, "settings": {}}'],
    ["has half a step", '{"stepsTaken": 2.5, "optimizer": {}, "settings": {}}'],
    ["has no optimizer", '{"stepsTaken": 3, "settings": {}}'],
    ["has no settings", '{"stepsTaken": 3, "optimizer": {}, "settings": null}'],
  ];
  it.each(damages)("names a file whose position %s", (_, position) => {
    expect(() => decodeCheckpoint(checkpoint(position), "run")).toThrow(DataFileError);
    expect(() => decodeCheckpoint(checkpoint(position), "run")).toThrow("run: does not say where its run stands");
  });

  it("names a file of weights, which is not a checkpoint", () => {
    expect(() => decodeCheckpoint(encodeSafetensors(new Map()), "run")).toThrow("is not a checkpoint");
  });
});
