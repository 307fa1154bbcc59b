import { describe, expect, it } from "vitest";
import { InputError } from "../src/exit.ts";
import { nestedArray, numericArray } from "../src/input/numeric-array.ts";
import { parseJson } from "../src/input/parse-json.ts";
import { parseProblem } from "../src/input/problem-file.ts";
import { densified, isColumns, risingColumns } from "../src/input/sparse-columns.ts";

const columnsOf = (json: unknown) => {
  const array = numericArray(json, "A");
  if (!isColumns(array)) throw new Error("expected columns");
  return array;
};

const parse = (json: unknown) => parseProblem(json, "problem.json");

describe("parseJson", () => {
  const mistakes: [string, string, string][] = [
    ["a stray word", '{\n  "kind": "qp",\n  "Q": oops\n}', "line 3, column 8"],
    ["a missing comma", '{"Q": [1 2]}', "line 1, column 10"],
    ["a text that ends too early", '{"kind": "qp",\n "Q": [[1,', "line 2, column 11"],
    ["NaN", '{"q": [NaN]}', "line 1, column 8"],
    ["nothing at all", "", "line 1, column 1"],
  ];
  it.each(mistakes)("points at %s by line and column", (_, text, position) => {
    expect(() => parseJson(text, "problem.json")).toThrow(InputError);
    expect(() => parseJson(text, "problem.json")).toThrow(`problem.json is not valid JSON: ${position}`);
  });
});

describe("numericArray", () => {
  it("reads nested lists row by row", () => {
    const { shape, values } = nestedArray([[[1, 2, 3]], [[4, 5, 6]]], "G");
    expect(shape).toEqual([2, 1, 3]);
    expect(Array.from(values)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("reads compressed sparse columns, with absent columns and repeated entries", () => {
    const sparse = { shape: [3, 3], indptr: [0, 3, 3, 4], indices: [2, 0, 0, 1], data: [5, 1, 2, 7] };
    const columns = columnsOf(sparse);
    const { shape, values } = densified(columns, "A");
    expect(shape).toEqual([3, 3]);
    expect(Array.from(values)).toEqual([3, 0, 0, 0, 0, 7, 5, 0, 0]);
    const rising = risingColumns(columns);
    expect(Array.from(rising.indptr)).toEqual([0, 2, 2, 3]);
    expect(Array.from(rising.indices)).toEqual([0, 2, 1]);
    expect(Array.from(rising.data.values)).toEqual([3, 5, 7]);
    expect(Array.from(rising.place)).toEqual([1, 0, 0, 2]); // where the entries of the file went
  });

  it("reads compressed sparse columns with the entries of every item of a batch", () => {
    const sparse = { shape: [1, 2], indptr: [0, 1, 2], indices: [0, 0], data: [[1, 2], [3, 4]] }; // biome-ignore format: a matrix
    expect(densified(columnsOf(sparse), "A")).toEqual({ shape: [2, 1, 2], values: Float64Array.of(1, 2, 3, 4) });
    expect(risingColumns(columnsOf(sparse)).data.shape).toEqual([2, 2]);
  });

  it("reads null, words and numbers of 1e30 as no bound, where a bound is expected", () => {
    const { values } = nestedArray([null, "inf", 1e30, 5], "upper", Infinity);
    expect(Array.from(values)).toEqual([Infinity, Infinity, Infinity, 5]);
    const lower = nestedArray([null, "-Infinity", -2e30, 5], "lower", -Infinity);
    expect(Array.from(lower.values)).toEqual([-Infinity, -Infinity, -Infinity, 5]);
    expect(() => nestedArray(["none"], "upper", Infinity)).toThrow('upper[0] is "none", expected a number, or null');
  });

  it("refuses an infinite bound of the wrong side, by the name and the number of the file", () => {
    expect(() => nestedArray([-1e308], "h", Infinity)).toThrow(
      'h[0] is -1e+308, expected an upper bound, "inf" or null',
    );
    expect(() => nestedArray([0, "inf"], "l", -Infinity)).toThrow(
      'l[1] is "inf", expected a lower bound, "-inf" or null',
    );
  });

  const mistakes: [string, unknown, string][] = [
    ["a ragged matrix", [[1, 2], [3]], "Q[1] has 1 entries, expected 2"],
    ["a word among numbers", [[1, "two"]], 'Q[0][1] is "two", expected a finite number'],
    ["a null among numbers", [1, null], "Q[1] is null, expected a finite number"],
    ["a number that overflows", JSON.parse("[1e999]"), "Q[0] is Infinity, expected a finite number"],
    ["a number among rows", [[1], 2], "Q[1] is 2, expected a list of 1"],
    ["a list among numbers", [1, [2]], "Q[1] is a list of 1, expected a finite number"],
    ["a lone number", 3, "Q is 3, expected nested lists"],
    ["a sparse matrix without its rows", { shape: [1, 1], indptr: [0, 1], data: [1] }, "Q.indices is missing"],
    [
      "a sparse row out of range",
      { shape: [2, 1], indptr: [0, 1], indices: [2], data: [1] },
      "indices[0] is 2, expected a row from 0 to 1",
    ],
    [
      "falling column starts",
      { shape: [2, 2], indptr: [0, 2, 1], indices: [0], data: [1] },
      "indptr must rise from 0 to the 1 entries of data",
    ],
  ];
  it.each(mistakes)("refuses %s and names the entry", (_, json, message) => {
    expect(() => numericArray(json, "Q")).toThrow(InputError);
    expect(() => numericArray(json, "Q")).toThrow(message);
  });
});

describe("parseProblem", () => {
  it("leaves out constraints that are absent, null or empty", () => {
    const { data } = parse({ kind: "qp", Q: [[1]], q: [0], A: [], b: [], G: null });
    expect(Object.keys(data)).toEqual(["Q", "q"]);
  });

  it("reports fields that mean nothing", () => {
    expect(parse({ kind: "qp", Q: [[1]], q: [0], g: [[1]] }).unknownFields).toEqual(["g"]);
  });

  it.each(["cone"])("says that kind %s is not supported by this version", (kind) => {
    const message = `problems of kind "${kind}" are not supported by this version, only "qp", "sparsemax" or "entropy"`;
    expect(() => parse({ kind })).toThrow(message);
  });

  it("names a kind that does not exist, and a missing one", () => {
    expect(() => parse({ kind: "lp" })).toThrow('problem.json: kind is "lp", expected "qp"');
    expect(() => parse({ Q: [[1]] })).toThrow('problem.json: kind is missing, expected "qp"');
    expect(() => parse([1, 2])).toThrow("problem.json is a list of 2, expected an object");
  });
});
