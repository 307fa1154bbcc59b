import { InvalidArgumentError, Option } from "commander";

/** `--differentiation`, the same wherever it is taken. Without a fallback the command knows what suits its task. */
export function differentiationOption(fallback?: string): Option {
  const option = new Option("--differentiation <rule>", "how to differentiate the solution");
  return option.choices(["implicit", "alternating", "unrolled"]).default(fallback);
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("Expected a positive number.");
  return value;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value > 0)) throw new InvalidArgumentError("Expected a positive integer.");
  return value;
}

export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("Expected a number from 0 to 1.");
  return value;
}

/** Seeds of the random numbers: integers from 0. */
export function seed(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(Number.isSafeInteger(value) && value >= 0)) {
    throw new InvalidArgumentError("Expected an integer from 0.");
  }
  return value;
}

/** "a,b" as its parts. */
export function names(text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.includes("")) throw new InvalidArgumentError("Expected names between commas.");
  return parts;
}
