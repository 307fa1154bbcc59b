import { toDense } from "@solvegrad/linalg";
import { describe, expect, it } from "vitest";
import { MpsError, readMps } from "../../src/index.ts";

/** The example of the QPS format's authors: minimize 4 + 1.5x - 2y + 1/2 (8x^2 + 4xy + 10y^2). */
const qptest = `NAME          QPTEST
ROWS
 N  obj
 G  r1
 L  r2
COLUMNS
    c1        r1                 2.0   r2                -1.0
    c1        obj                1.5
    c2        r1                 1.0   r2                 2.0
    c2        obj               -2.0
RHS
    rhs1      r1                 2.0   r2                 6.0
    rhs1      obj               -4.0
BOUNDS
 UP bnd1      c1                20.0
QUADOBJ
    c1        c1                 8.0
    c1        c2                 2.0
    c2        c2                10.0
ENDATA
`;

function file(rows: string, columns: string, rest: string): string {
  return `NAME TEST\nROWS\n${rows}\nCOLUMNS\n${columns}\n${rest}\nENDATA\n`;
}

const twoColumns = " x obj 1 r 1\n y obj 2 r 3";

function bounds(lines: string) {
  const { data } = readMps(file(" N obj\n L r", twoColumns, `BOUNDS\n${lines}`));
  return { lower: Array.from(data.lower ?? []), upper: Array.from(data.upper ?? []) };
}

describe("QPS", () => {
  it("reads the authors' example: objective, constant, rows, bounds and one triangle of Q", () => {
    const { data, name, variables, inequalities } = readMps(qptest);
    expect(name).toBe("QPTEST");
    expect(variables).toEqual(["c1", "c2"]);
    expect(inequalities).toEqual(["r1", "r2"]);
    expect(data.Q && [...toDense(data.Q)]).toEqual([8, 2, 2, 10]);
    expect(Array.from(data.q)).toEqual([1.5, -2]);
    expect(data.constant).toBe(4);
    expect(data.G && [...toDense(data.G)]).toEqual([2, 1, -1, 2]);
    expect(data.l).toEqual([2, -Infinity]);
    expect(data.u).toEqual([Infinity, 6]);
    expect(data.lower).toEqual([0, 0]);
    expect(data.upper).toEqual([20, Infinity]);
  });

  it("reads the same from its fixed columns", () => {
    expect(readMps(qptest, "fixed")).toEqual(readMps(qptest, "free"));
  });

  it("takes both triangles from QMATRIX, and sums entries of one place", () => {
    const { data } = readMps(file(" N obj\n L r", twoColumns, "QMATRIX\n x x 3\n x y 1\n y x 1\n y y 2\n y y 2"));
    expect(data.Q && [...toDense(data.Q)]).toEqual([3, 1, 1, 4]);
  });
});

describe("MPS", () => {
  it("keeps names with blanks in the fixed form, which is tried where the free one makes no sense", () => {
    const text = [
      "NAME          BLANKS",
      "ROWS",
      " N  total",
      " E  row one",
      "COLUMNS",
      "    my x      total              1.0   row one            2.0",
      "RHS",
      "    RHS       row one            4.0",
      "ENDATA",
      "",
    ].join("\n");
    const { variables, equalities, data } = readMps(text);
    expect(variables).toEqual(["my x"]);
    expect(equalities).toEqual(["row one"]);
    expect(data.A && [...toDense(data.A)]).toEqual([2]);
    expect(data.b).toEqual([4]);
  });

  it("takes ranges of every kind of row, on an equality by their sign", () => {
    const rows = " N obj\n L a\n G b\n E c\n E d\n E e";
    const columns = " x obj 1 a 1\n x b 1 c 1\n x d 1 e 1";
    const rest = "RHS\n S a 5 b 5\n S c 5 d 5\n S e 5\nRANGES\n S a 2 b 3\n S c 4 d -1";
    const { data, equalities, inequalities } = readMps(file(rows, columns, rest));
    expect(equalities).toEqual(["e"]);
    expect(inequalities).toEqual(["a", "b", "c", "d"]);
    expect(data.l).toEqual([3, 5, 5, 4]);
    expect(data.u).toEqual([5, 8, 9, 5]);
  });

  it.each([
    [" LO B x 3\n UP B y 4", [3, 0], [Infinity, 4]],
    [" FX B x 3\n FR B y", [3, -Infinity], [3, Infinity]],
    [" MI B x\n UP B x 2\n PL B y", [-Infinity, 0], [2, Infinity]],
    [" BV B x\n UP B y 1e30", [0, 0], [1, Infinity]],
    [" UP B x -2\n UP B y 0", [-Infinity, 0], [-2, 0]],
    [" LO B x -5\n UP B x -2", [-5, 0], [-2, Infinity]],
    [" UP x 7\n FR y", [0, -Infinity], [7, Infinity]],
  ])("bounds %j", (lines, lower, upper) => {
    expect(bounds(lines)).toEqual({ lower, upper });
  });

  it("drops further N rows, minimizes what the file maximizes, and lists integers", () => {
    const text = `NAME M
OBJSENSE
    MAX
ROWS
 N obj
 N other
 L r
COLUMNS
 m 'MARKER' 'INTORG'
 x obj 1 r 1
 x other 9
 m 'MARKER' 'INTEND'
 y obj 2
RHS
 obj -3 r 6
QUADOBJ
 x x -2
ENDATA`;
    const { data, integers, maximize } = readMps(text);
    expect(maximize).toBe(true);
    expect(integers).toEqual(["x"]);
    expect(Array.from(data.q)).toEqual([-1, -2]);
    expect(data.Q && [...toDense(data.Q)]).toEqual([2, 0, 0, 0]);
    expect(data.constant).toBe(-3);
    expect(data.u).toEqual([6]);
  });

  it.each([
    ["a row twice", file(" N obj\n L r\n L r", twoColumns, ""), "line 5: row r is there twice"],
    ["an unknown row", file(" N obj", twoColumns, ""), "line 5: unknown row r"],
    ["an unknown column", file(" N obj\n L r", twoColumns, "BOUNDS\n UP B z 1"), "unknown column z"],
    ["a word for a number", file(" N obj\n L r", " x obj one", ""), "line 6: one where a number is expected"],
    ["an unknown section", "NAME T\nROWZ\n", "line 2: unknown section ROWZ"],
    ["a file without an end", "NAME T\nROWS\n N obj\n", "the file ends without ENDATA"],
    ["a kind of row that does not exist", file(" X obj", "", ""), "line 3: row of kind X"],
    ["an odd number of fields", file(" N obj\n L r", " x obj 1 r", ""), "3 fields after the name"],
  ])("refuses %s and names the line", (_, text, message) => {
    expect(() => readMps(text)).toThrow(MpsError);
    expect(() => readMps(text)).toThrow(message);
  });
});
