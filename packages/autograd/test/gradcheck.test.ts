import { apply, elementwise, GradcheckError, gradcheck, mul, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, test } from "vitest";

const x = tensor([1, -2, 3]);

/** x^2 with a vjp of the caller's. */
const squareWith = (vjp: (cotangent: Tensor, x: Tensor) => Tensor) => {
  const op = elementwise("x^2", "x * x", (context) => vjp(context.cotangent, context.x));
  return (t: Tensor) => apply(op, [t]);
};

function failure(attempt: () => unknown): GradcheckError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof GradcheckError) return error;
  }
  throw new Error("gradcheck passed what it should have caught");
}

describe("gradcheck", () => {
  test("passes a right vjp, and returns an error of the size of rounding", () => {
    const error = gradcheck(
      squareWith((c, t) => mul(c, mul(t, 2))),
      [x],
      { order: 2 },
    );
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(1e-8);
  });

  test("catches a factor of one part in a million, and names input and entry", () => {
    const wrong = squareWith((c, t) => mul(c, mul(t, tensor([2, 2, 2 * (1 + 1e-6)]))));
    const error = failure(() => gradcheck((a, b) => a.add(wrong(b)), [x, x]));
    expect(error).toMatchObject({ order: 1, input: 1, entry: 2 });
    expect(error.message).toMatch(/order 1, input 1, entry 2: the gradient is .*central differences give/);
  });

  test("catches a right first derivative whose own derivative is lost, in order 2 alone", () => {
    const once = squareWith((c, t) => mul(c, mul(t.detach(), 2)));
    expect(gradcheck(once, [x])).toBeLessThan(1e-8);
    expect(failure(() => gradcheck(once, [x], { order: 2 })).order).toBe(2);
  });

  test("catches a gradient that is NaN, and one that is missing altogether", () => {
    expect(
      failure(() =>
        gradcheck(
          squareWith((c) => mul(c, Number.NaN)),
          [x],
        ),
      ).gradient,
    ).toBeNaN();
    expect(failure(() => gradcheck((t) => mul(t.detach(), 2), [x])).gradient).toBe(0);
  });

  test("leaves its inputs as they were", () => {
    gradcheck((t) => t.exp(), [x]);
    expect(x.toArray()).toEqual([1, -2, 3]);
    expect(x.grad).toBeNull();
    expect(x.requiresGrad).toBe(false);
  });
});
