/** Matrix-vector work: bound by memory, so every entry of the matrix is read once, along its unit stride. */
import { bytes, multiplyAdd, sumLanes } from "./simd";

/** y <- alpha A x + beta y with contiguous x and y, A (m x n). */
export function matrixVector<T>(
  m: i32, n: i32, alpha: T, a: usize, aRow: usize, aColumn: usize, x: usize, beta: T, y: usize,
): void {
  if (aRow == sizeof<T>() && aColumn != sizeof<T>()) {
    for (let i = 0; i < m; i++) scaleEntry<T>(beta, y + bytes<T>(i));
    if (alpha != 0) addColumns<T>(m, n, alpha, a, aColumn, x, y);
    return;
  }
  let i = 0;
  if (aColumn == sizeof<T>()) {
    for (; i + 4 <= m; i += 4) fourRows<T>(alpha == 0 ? 0 : n, alpha, a + i * aRow, aRow, x, beta, y + bytes<T>(i));
  }
  for (; i < m; i++) {
    let sum: T = 0;
    if (alpha != 0) {
      for (let j = 0; j < n; j++) sum += <T>(load<T>(a + i * aRow + j * aColumn) * load<T>(x + bytes<T>(j)));
    }
    addTo<T>(<T>(alpha * sum), beta, y + bytes<T>(i));
  }
}

// @ts-expect-error: decorator
@inline
function scaleEntry<T>(beta: T, y: usize): void {
  store<T>(y, beta == 0 ? <T>0 : <T>(beta * load<T>(y)));
}

// @ts-expect-error: decorator
@inline
function addTo<T>(value: T, beta: T, y: usize): void {
  store<T>(y, beta == 0 ? value : <T>(value + beta * load<T>(y)));
}

/** Four entries of y: the inner products of four rows with x, two vectors a step. */
function fourRows<T>(n: i32, alpha: T, a: usize, aRow: usize, x: usize, beta: T, y: usize): void {
  const lanes: i32 = 16 / sizeof<T>();
  let s0 = v128.splat<T>(0), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
  let b = a + aRow, c = b + aRow, d = c + aRow;
  let j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    s0 = multiplyAdd<T>(v128.load(a), x0, s0);
    t0 = multiplyAdd<T>(v128.load(a, 16), x1, t0);
    s1 = multiplyAdd<T>(v128.load(b), x0, s1);
    t1 = multiplyAdd<T>(v128.load(b, 16), x1, t1);
    s2 = multiplyAdd<T>(v128.load(c), x0, s2);
    t2 = multiplyAdd<T>(v128.load(c, 16), x1, t2);
    s3 = multiplyAdd<T>(v128.load(d), x0, s3);
    t3 = multiplyAdd<T>(v128.load(d, 16), x1, t3);
    a += 32, b += 32, c += 32, d += 32, x += 32;
  }
  let r0 = sumLanes<T>(v128.add<T>(s0, t0)), r1 = sumLanes<T>(v128.add<T>(s1, t1));
  let r2 = sumLanes<T>(v128.add<T>(s2, t2)), r3 = sumLanes<T>(v128.add<T>(s3, t3));
  for (; j < n; j++) {
    const xj = load<T>(x);
    r0 += <T>(load<T>(a) * xj);
    r1 += <T>(load<T>(b) * xj);
    r2 += <T>(load<T>(c) * xj);
    r3 += <T>(load<T>(d) * xj);
    a += sizeof<T>(), b += sizeof<T>(), c += sizeof<T>(), d += sizeof<T>(), x += sizeof<T>();
  }
  addTo<T>(<T>(alpha * r0), beta, y);
  addTo<T>(<T>(alpha * r1), beta, y + sizeof<T>());
  addTo<T>(<T>(alpha * r2), beta, y + 2 * sizeof<T>());
  addTo<T>(<T>(alpha * r3), beta, y + 3 * sizeof<T>());
}

/** y <- y + alpha A x for a column-major A: four columns at a time. */
function addColumns<T>(m: i32, n: i32, alpha: T, a: usize, aColumn: usize, x: usize, y: usize): void {
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    addFourColumns<T>(m, alpha, a + j * aColumn, aColumn, x + bytes<T>(j), y);
  }
  for (; j < n; j++) {
    const scale = <T>(alpha * load<T>(x + bytes<T>(j)));
    for (let i = 0; i < m; i++) {
      const target = y + bytes<T>(i);
      store<T>(target, <T>(load<T>(target) + scale * load<T>(a + j * aColumn + bytes<T>(i))));
    }
  }
}

function addFourColumns<T>(m: i32, alpha: T, a: usize, aColumn: usize, x: usize, y: usize): void {
  const lanes: i32 = 16 / sizeof<T>();
  const scale0 = <T>(alpha * load<T>(x)), scale1 = <T>(alpha * load<T>(x, sizeof<T>()));
  const scale2 = <T>(alpha * load<T>(x, 2 * sizeof<T>())), scale3 = <T>(alpha * load<T>(x, 3 * sizeof<T>()));
  const v0 = v128.splat<T>(scale0), v1 = v128.splat<T>(scale1), v2 = v128.splat<T>(scale2), v3 = v128.splat<T>(scale3);
  let b = a + aColumn, c = b + aColumn, d = c + aColumn;
  let i = 0;
  for (; i + lanes <= m; i += lanes) {
    const left = multiplyAdd<T>(v128.load(b), v1, multiplyAdd<T>(v128.load(a), v0, v128.load(y)));
    const right = multiplyAdd<T>(v128.load(d), v3, v128.mul<T>(v128.load(c), v2));
    v128.store(y, v128.add<T>(left, right));
    a += 16, b += 16, c += 16, d += 16, y += 16;
  }
  for (; i < m; i++) {
    const left = <T>(load<T>(y) + scale0 * load<T>(a) + scale1 * load<T>(b));
    store<T>(y, <T>(left + (scale2 * load<T>(c) + scale3 * load<T>(d))));
    a += sizeof<T>(), b += sizeof<T>(), c += sizeof<T>(), d += sizeof<T>(), y += sizeof<T>();
  }
}

/**
 * x <- T^-1 x for one contiguous right-hand side, four entries at a time: what is solved already is taken out of the
 * four by rows, or the four out of what is not solved yet by columns, whichever runs along T's unit stride.
 */
export function solveVector<T>(
  lower: bool, n: i32, t: usize, tRow: usize, tColumn: usize, x: usize, unitDiagonal: bool,
): void {
  const byColumns = tRow == sizeof<T>() && tColumn != sizeof<T>();
  for (let done = 0; done < n; done += 4) {
    const size = min(4, n - done);
    const i = lower ? done : n - done - size;
    const solved = lower ? 0 : i + size;
    const rest = lower ? i + size : 0;
    const xi = x + bytes<T>(i);
    if (!byColumns && done > 0) {
      matrixVector<T>(size, done, -1, t + i * tRow + solved * tColumn, tRow, tColumn, x + bytes<T>(solved), 1, xi);
    }
    solveFour<T>(lower, size, t + i * (tRow + tColumn), tRow, tColumn, xi, unitDiagonal);
    if (byColumns && done + size < n) {
      matrixVector<T>(n - done - size, size, -1, t + rest * tRow + i * tColumn, tRow, tColumn, xi, 1, x + bytes<T>(rest));
    }
  }
}

function solveFour<T>(lower: bool, n: i32, t: usize, tRow: usize, tColumn: usize, x: usize, unitDiagonal: bool): void {
  for (let step = 0; step < n; step++) {
    const i = lower ? step : n - 1 - step;
    let value = load<T>(x + bytes<T>(i));
    const end = lower ? i : n;
    for (let j = lower ? 0 : i + 1; j < end; j++) {
      value = <T>(value - load<T>(t + i * tRow + j * tColumn) * load<T>(x + bytes<T>(j)));
    }
    store<T>(x + bytes<T>(i), unitDiagonal ? value : <T>(value / load<T>(t + i * (tRow + tColumn))));
  }
}
