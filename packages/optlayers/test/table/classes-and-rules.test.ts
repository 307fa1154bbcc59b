import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { distances, gradientsBy, gradientsByDifferences, rounded } from "./gradients.ts";
import { randomFrom, type TableClass } from "./table-class.ts";

/** Every other file of this folder that exports an `entry` is a class of the table. */
const notClasses = ["gradients.ts", "table-class.ts"];
const files = readdirSync(import.meta.dirname).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !notClasses.includes(file),
);
const modules = await Promise.all(
  files.map(async (file): Promise<{ entry: TableClass }> => import(/* @vite-ignore */ `./${file}`)),
);

const cases = modules.flatMap(({ entry }) => {
  const batches = entry.batched ? [null, 2] : [null];
  return batches.map((batch) => ({ title: batch ? `${entry.name}, batched` : entry.name, entry, batch }));
});

describe.each(cases)("$title", ({ entry, batch }) => {
  const data = entry.data(randomFrom(batch ? 7 : 5), batch);
  const reference = gradientsBy(entry, entry.rules[0], data, "float64");

  it.each(entry.rules)("%s gives the central differences of every output in every datum to 1e-6", (rule) => {
    const gradients = gradientsBy(entry, rule, data, "float64");
    const differences = gradientsByDifferences(entry, rule, data);
    expect(differences.length).toBe(gradients.length);
    expect(Math.max(...distances(gradients, differences))).toBeLessThan(1e-6);
  });

  it.each(entry.rules.slice(1))(`%s gives the gradients of ${entry.rules[0]} to 1e-6`, (rule) => {
    const gradients = gradientsBy(entry, rule, data, "float64");
    expect(gradients.length).toBe(reference.length);
    expect(Math.max(...distances(gradients, reference))).toBeLessThan(1e-6);
  });

  it.runIf(entry.float32).each(entry.rules)("%s gives in float32 what it gives in float64 to 1e-4", (rule) => {
    const near = rounded(data);
    const gradients = gradientsBy(entry, rule, near, "float32");
    expect(Math.max(...distances(gradients, gradientsBy(entry, rule, near, "float64")))).toBeLessThan(1e-4);
  });
});
