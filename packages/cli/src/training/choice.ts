import { InputError } from "../exit.ts";

/** One of a few words, as an option gives it. Throws an InputError for another. */
export function choice<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === value);
  if (found === undefined) throw new InputError(`${option} is ${value}. Allowed choices are ${choices.join(", ")}.`);
  return found;
}
