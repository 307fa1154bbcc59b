import { type Shape, sameShape } from "../shape.ts";
import { broadcastValues, contiguous, dtypeOfValues, isContiguous, type Values, zeroValues } from "../values.ts";
import type { BinaryLoop, PerDType, UnaryLoop } from "./compile.ts";
import { fewestLoops, forEachRow, innerStride } from "./rows.ts";

/** y <- f(x), entry by entry. */
export function mapValues(loops: PerDType<UnaryLoop>, x: Values, p = 0): Values {
  const source = contiguous(x);
  const y = zeroValues(dtypeOfValues(x), x.shape);
  loops(y.dtype)(y.size, source.data, source.offset, y.data, 0, p);
  return y;
}

/** y <- f(a, b), entry by entry over the common shape of both. */
export function zipValues(op: string, loops: PerDType<BinaryLoop>, a: Values, b: Values, shape: Shape): Values {
  const y = zeroValues(dtypeOfValues(a), shape);
  const loop = loops(y.dtype);
  const aStep = wholeStep(a, shape);
  const bStep = wholeStep(b, shape);
  if (aStep !== null && bStep !== null) {
    loop(y.size, a.data, a.offset, aStep, b.data, b.offset, bStep, y.data, 0);
    return y;
  }
  const [p, q] = steppable(broadcastValues(op, a, shape), broadcastValues(op, b, shape));
  const nest = fewestLoops(shape, [p.stride, q.stride, y.stride]);
  const pStep = innerStride(nest, 0);
  const qStep = innerStride(nest, 1);
  forEachRow(nest, [p.offset, q.offset, 0], (n, at) =>
    loop(n, p.data, at[0], pStep, q.data, at[1], qStep, y.data, at[2]),
  );
  return y;
}

/** The step that takes one loop through all of `shape`: 1 over contiguous memory, 0 on a single number, null where there is none. */
function wholeStep(x: Values, shape: Shape): 0 | 1 | null {
  if (x.size === 1) return 0;
  return sameShape(x.shape, shape) && isContiguous(x) ? 1 : null;
}

/** Both operands in a form whose inner loop has steps of 0 or 1: broadcasts stay views, transposed views become copies. */
function steppable(a: Values, b: Values): [Values, Values] {
  return [innerStepIsSmall(a) ? a : contiguous(a), innerStepIsSmall(b) ? b : contiguous(b)];
}

function innerStepIsSmall(values: Values): boolean {
  for (let axis = values.shape.length - 1; axis >= 0; axis--) {
    if (values.shape[axis] !== 1) return values.stride[axis] === 1 || values.stride[axis] === 0;
  }
  return true;
}
