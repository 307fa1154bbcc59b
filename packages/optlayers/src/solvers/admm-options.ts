import { OptionError } from "../errors.ts";

/** The checks that ADMM and the rules made of it share: each throws an `OptionError` that names the option. */

export function checkPositive(option: string, value: number, unit = "number"): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new OptionError(option, value, `a positive ${unit}`);
}

export function checkCount(option: string, value: number): void {
  if (!(Number.isInteger(value) && value > 0)) throw new OptionError(option, value, "a positive integer");
}

export function checkFraction(option: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new OptionError(option, value, "a number between 0 and 1, both excluded");
}

/** Beyond 2 the over-relaxed iteration diverges. */
export function checkRelaxation(value: number): void {
  if (!(value > 0 && value < 2)) throw new OptionError("relaxation", value, "a number between 0 and 2, both excluded");
}
