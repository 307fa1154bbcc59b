/** Numbers as people read them. */

export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** 1234567 as "1.18 MB" (powers of 1024). */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const unit = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  return `${unit === 0 ? count : (count / 1024 ** unit).toPrecision(3)} ${units[unit]}`;
}

export function milliseconds(count: number): string {
  return count < 10 ? count.toFixed(2) : count < 100 ? count.toFixed(1) : count.toFixed(0);
}

export function seconds(count: number): string {
  if (count < 60) return `${count.toFixed(1)} s`;
  const whole = Math.round(count);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A small error: 0, or two digits with an exponent. */
export function error(value: number): string {
  return value === 0 ? "0" : value.toExponential(1);
}

/** A tolerance: 0.001 as "1e-3". */
export function tolerance(value: number): string {
  return value.toExponential();
}

/** A cosine near one needs its distance from one to say anything. */
export function cosine(value: number): string {
  const distance = 1 - value;
  if (distance <= 1e-15) return "1";
  return distance < 1e-4 ? `1 - ${distance.toExponential(1)}` : value.toFixed(6);
}

/** A number of everyday size in four digits: 0.0123, 2.302, 1234. */
export function short(value: number): string {
  const size = Math.abs(value);
  return size >= 1e4 || (size > 0 && size < 1e-3) ? value.toExponential(2) : value.toPrecision(4);
}

/** Words as they begin a sentence or a heading. */
export function capital(words: string): string {
  return `${words[0].toUpperCase()}${words.slice(1)}`;
}

export function thousands(count: number): string {
  return count.toLocaleString("en-US");
}
