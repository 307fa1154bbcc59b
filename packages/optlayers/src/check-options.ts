import { OptionError } from "./errors.ts";

// Each check throws an `OptionError` that names the option, unless the value is what it says.

/** A finite number above 0. */
export function checkPositive(option: string, value: number): void {
  if (!(value > 0 && value < Infinity)) throw new OptionError(option, value, "a positive number");
}

/** A positive integer. */
export function checkCount(option: string, value: number): void {
  if (!(Number.isInteger(value) && value > 0)) throw new OptionError(option, value, "a positive integer");
}

/** A number between 0 and 1. */
export function checkFraction(option: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new OptionError(option, value, "a number between 0 and 1, both excluded");
}

/** An over-relaxation: beyond 2 the iteration diverges. */
export function checkRelaxation(value: number): void {
  if (!(value > 0 && value < 2)) throw new OptionError("relaxation", value, "a number between 0 and 2, both excluded");
}

/** Milliseconds; infinity for no limit. */
export function checkTimeLimit(value: number): void {
  if (!(value > 0)) throw new OptionError("timeLimit", value, "a positive number of milliseconds");
}

/** One of a few words. */
export function checkChoice(option: string, value: string, choices: readonly string[]): void {
  const wish = choices.map((choice) => `"${choice}"`).join(" or ");
  if (!choices.includes(value)) throw new OptionError(option, value, wish);
}

/** A function, which does what the wish says. */
export function checkFunction(option: string, value: unknown, wish: string): void {
  if (typeof value !== "function") throw new OptionError(option, value, `a function ${wish}`);
}

/** An object with a method: a solver, a rule. A name, or the function that makes one, comes easily from JavaScript. */
export function checkMethod(option: string, value: object, method: string, wish: string): void {
  if (typeof (value as Readonly<Record<string, unknown>> | null)?.[method] === "function") return;
  throw new OptionError(option, typeof value === "function" ? "a function" : value, wish);
}
