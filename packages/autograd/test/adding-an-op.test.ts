import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gradcheck, NotDifferentiableTwiceError, type Tensor, tensor } from "@solvegrad/autograd";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const page = join(import.meta.dirname, "../../../docs/guides/adding-an-op.md");
const code = async () =>
  [...(await readFile(page, "utf8")).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block);

interface Exports {
  softplus(x: Tensor): Tensor;
  norm(x: Tensor): Tensor;
  cubeRoot(x: Tensor): Tensor;
}

describe("the code on the page about adding an op", () => {
  let folder = "";
  let ops: Exports;

  beforeAll(async () => {
    // Beside this file, so that the imports on the page resolve as a user's would.
    folder = await mkdtemp(join(import.meta.dirname, "page-"));
    const file = join(folder, "page.ts");
    await writeFile(file, (await code()).join("\n"));
    ops = await import(file);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("defines ops that compute what the page says", () => {
    expect(ops.softplus(tensor([0, 800, -800])).toArray()).toEqual([Math.log(2), 800, 0]);
    expect(
      ops
        .norm(
          tensor([
            [3, 0],
            [0, 4],
          ]),
        )
        .item(),
    ).toBe(5);
    expect(ops.cubeRoot(tensor([8, -27])).toArray()).toEqual([2, -3]);
  });

  test("defines ops whose two derivatives are right away from the points on the page", () => {
    expect(gradcheck(ops.softplus, [tensor([0.1, -5, 20])], { order: 2 })).toBeLessThan(1e-7);
    expect(gradcheck(ops.norm, [tensor([1, 2, 3])], { order: 2 })).toBeLessThan(1e-7);
    expect(() => gradcheck(ops.cubeRoot, [tensor([2])], { order: 2 })).toThrow(NotDifferentiableTwiceError);
  });

  test("adds an element-wise op in ten lines", async () => {
    const [first] = await code();
    const lines = first.split("\n").filter((line) => line.trim() !== "" && !/^import|^gradcheck|^\/\*\*/.test(line));
    expect(lines.length).toBeLessThanOrEqual(10);
  });
});
