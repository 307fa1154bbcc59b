/**
 * Adam's update of contiguous arrays of n entries, entry by entry:
 *
 *     m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2,  theta <- theta - rate m / (sqrt(v) + epsilon).
 *
 * `rest1` and `rest2` are 1 - beta1 and 1 - beta2, rounded after the subtraction.
 */

// @ts-expect-error: decorator
@inline
function adam<T>(
  n: i32, theta: usize, g: usize, m: usize, v: usize, beta1: T, beta2: T, rate: T, epsilon: T, rest1: T, rest2: T,
): void {
  const end = theta + (<usize>n << alignof<T>());
  for (; theta + 16 <= end; theta += 16, g += 16, m += 16, v += 16) {
    const gi = v128.load(g);
    const mi = v128.add<T>(v128.mul<T>(v128.splat<T>(beta1), v128.load(m)), v128.mul<T>(v128.splat<T>(rest1), gi));
    const squared = v128.mul<T>(v128.splat<T>(rest2), v128.mul<T>(gi, gi));
    const vi = v128.add<T>(v128.mul<T>(v128.splat<T>(beta2), v128.load(v)), squared);
    const step = v128.div<T>(
      v128.mul<T>(v128.splat<T>(rate), mi), v128.add<T>(v128.sqrt<T>(vi), v128.splat<T>(epsilon)),
    );
    v128.store(m, mi);
    v128.store(v, vi);
    v128.store(theta, v128.sub<T>(v128.load(theta), step));
  }
  for (; theta < end; theta += sizeof<T>(), g += sizeof<T>(), m += sizeof<T>(), v += sizeof<T>()) {
    const gi = load<T>(g);
    const mi = <T>(beta1 * load<T>(m) + rest1 * gi);
    const vi = <T>(beta2 * load<T>(v) + rest2 * gi * gi);
    store<T>(m, mi);
    store<T>(v, vi);
    store<T>(theta, <T>(load<T>(theta) - (rate * mi) / (sqrt<T>(vi) + epsilon)));
  }
}

export function adam_f32(
  n: i32, theta: usize, g: usize, m: usize, v: usize, beta1: f64, beta2: f64, rate: f64, epsilon: f64,
): void {
  adam<f32>(
    n, theta, g, m, v, <f32>beta1, <f32>beta2, <f32>rate, <f32>epsilon, <f32>(1 - beta1), <f32>(1 - beta2),
  );
}

export function adam_f64(
  n: i32, theta: usize, g: usize, m: usize, v: usize, beta1: f64, beta2: f64, rate: f64, epsilon: f64,
): void {
  adam<f64>(n, theta, g, m, v, beta1, beta2, rate, epsilon, 1 - beta1, 1 - beta2);
}
