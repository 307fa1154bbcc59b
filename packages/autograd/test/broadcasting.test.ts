import { add, broadcastTo, div, maximum, mul, sub, sumTo, type Tensor, tensor } from "@solvegrad/autograd";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const binaries = {
  add: [add, (a: number, b: number) => a + b],
  sub: [sub, (a: number, b: number) => a - b],
  mul: [mul, (a: number, b: number) => a * b],
  div: [div, (a: number, b: number) => a / b],
  maximum: [maximum, (a: number, b: number) => Math.max(a, b)],
} as const;

/** A shape of rank 0 to 4 with extents 0 to 3, and two shapes that broadcast to it. */
const shapes = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom("both", "left", "right")), { maxLength: 4 })
  .chain((axes) =>
    fc
      .tuple(fc.constant(axes), fc.integer({ min: 0, max: axes.length }), fc.boolean())
      .map(([list, drop, dropsLeft]) => {
        const left = list.map(([extent, who]) => (who === "right" ? 1 : extent));
        const right = list.map(([extent, who]) => (who === "left" ? 1 : extent));
        const leads = list.slice(0, drop).every(([, who]) => who === (dropsLeft ? "right" : "left"));
        if (leads) (dropsLeft ? left : right).splice(0, drop);
        return { left, right, full: list.map(([extent]) => extent) };
      }),
  );

const sizeOf = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

/** A tensor with its axes stored in another order than they are shown, so that its strides are not row-major. */
function strided(shape: readonly number[], start: number, reversed: boolean): Tensor {
  const stored = reversed ? [...shape].reverse() : shape;
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => start + i * 0.5);
  const t = tensor(data, { shape: stored });
  return reversed ? t.transpose() : t;
}

/** Entry `index` (of the broadcast shape) of x, by numpy's rule. */
function entry(x: Tensor, index: readonly number[]): number {
  const own = index.slice(index.length - x.rank).map((i, axis) => (x.shape[axis] === 1 ? 0 : i));
  return x.value.get(...own);
}

function* indices(shape: readonly number[]): Generator<number[]> {
  if (sizeOf(shape) === 0) return;
  const index = shape.map(() => 0);
  for (;;) {
    yield [...index];
    let axis = shape.length - 1;
    while (axis >= 0 && ++index[axis] === shape[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

describe("a broadcasting op equals a naive loop over indices", () => {
  test.each(Object.entries(binaries))("%s", (_, [op, scalar]) => {
    fc.assert(
      fc.property(shapes, fc.boolean(), fc.boolean(), ({ left, right, full }, turnA, turnB) => {
        const a = strided(left, 1, turnA);
        const b = strided(right, 2.25, turnB);
        const y = op(a, b);
        expect(y.shape).toEqual(full);
        expect([...y.data()]).toEqual([...indices(full)].map((index) => scalar(entry(a, index), entry(b, index))));
      }),
      { numRuns: 150 },
    );
  });
});

describe("reductions equal naive loops over indices", () => {
  test("the sum over any axes of any strided view", () => {
    const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });
    fc.assert(
      fc.property(
        shape,
        fc.integer({ min: 0, max: 15 }),
        fc.boolean(),
        fc.boolean(),
        (extents, mask, turned, keepDims) => {
          const axes = extents.map((_, axis) => axis).filter((axis) => (mask >> axis) & 1);
          const x = strided(extents, 1, turned);
          const kept = extents.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
          const totals = new Map<string, number>([...indices(kept)].map((index) => [String(index), 0]));
          for (const index of indices(extents)) {
            const key = String(index.map((i, axis) => (axes.includes(axis) ? 0 : i)));
            totals.set(key, (totals.get(key) ?? 0) + x.value.get(...index));
          }
          const y = x.sum(axes, keepDims);
          expect(y.shape).toEqual(keepDims ? kept : extents.filter((_, axis) => !axes.includes(axis)));
          expect([...y.data()]).toEqual([...totals.values()]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("sumTo is the transpose of broadcastTo: <broadcastTo(x), y> = <x, sumTo(y)>", () => {
    fc.assert(
      fc.property(shapes, ({ left, full }) => {
        const x = strided(left, 1, false);
        const y = strided(full, 0.75, true);
        const ahead = mul(broadcastTo(x, full), y).sum().item();
        const back = mul(x, sumTo(y, left)).sum().item();
        expect(back).toBe(ahead);
      }),
      { numRuns: 150 },
    );
  });
});

describe("views", () => {
  const x = tensor(
    Float64Array.from({ length: 24 }, (_, i) => i),
    { shape: [2, 3, 4] },
  );

  test("transpose, slice, broadcastTo and a reshape that strides allow share memory", () => {
    expect(x.transpose().value.data).toBe(x.value.data);
    expect(x.slice(1, 1, 3).value.data).toBe(x.value.data);
    expect(broadcastTo(x, [5, 2, 3, 4]).value.data).toBe(x.value.data);
    expect(x.reshape([6, 4]).value.data).toBe(x.value.data);
    expect(x.slice(2, 0, 2).reshape([6, 2]).value.data).toBe(x.value.data);
    expect(x.transpose(1, 0, 2).reshape([3, 2, 2, 2]).value.data).toBe(x.value.data);
  });

  test("a reshape equals the reshape of a contiguous copy, whatever the strides", () => {
    const extents = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(extents, fc.nat(), fc.nat(), fc.boolean(), (shape, seed, cut, repeated) => {
        const axes = shape.map((_, axis) => axis).sort((i, j) => ((seed >> i) & 1) - ((seed >> j) & 1) || i - j);
        const whole = strided(shape, 1, false).transpose(...axes);
        const view = repeated ? broadcastTo(whole, [2, ...whole.shape]) : whole.slice(0, 0, 1 + (cut % whole.shape[0]));
        const groups = regrouped(view.shape, cut);
        expect([...view.reshape(groups).data()]).toEqual([...view.data()]);
        expect(view.reshape(groups).shape).toEqual(groups);
      }),
      { numRuns: 300 },
    );
  });

  test("data() is the tensor's own memory where it is contiguous, and a row-major copy where it is not", () => {
    expect(x.data()).toBe(x.value.data);
    expect([
      ...tensor([
        [1, 2],
        [3, 4],
      ])
        .transpose()
        .data(),
    ]).toEqual([1, 3, 2, 4]);
  });
});

/** Another factorization of the size of `shape`: primes of its extents, merged by the bits of `seed`. */
function regrouped(shape: readonly number[], seed: number): number[] {
  const primes = shape.flatMap((extent) => (extent === 4 ? [2, 2] : [extent]));
  return primes.reduce<number[]>((groups, p, i) => {
    if (groups.length > 0 && (seed >> (i + 3)) & 1) groups[groups.length - 1] *= p;
    else groups.push(p);
    return groups;
  }, []);
}
