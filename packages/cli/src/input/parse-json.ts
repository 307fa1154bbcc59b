import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { InputError } from "../exit.ts";

/** Parses JSON text. Throws an InputError with line and column of the first mistake. */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { offset, reason } = located(text) ?? { offset: 0, reason: String(error) };
    const { line, column } = positionOf(text, offset);
    throw new InputError(`${source} is not valid JSON: line ${line}, column ${column}: ${reason}`);
  }
}

/** The first mistake, null where it cannot be located: the second parser calls itself for every list within a list. */
function located(text: string): { offset: number; reason: string } | null {
  try {
    return firstMistake(text);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** `JSON.parse` says where a mistake is in some engines and for some mistakes only, so a second parser is asked. */
function firstMistake(text: string): { offset: number; reason: string } | null {
  const mistakes: ParseError[] = [];
  parse(text, mistakes, { disallowComments: true });
  if (mistakes.length === 0) return null;
  const [{ offset, error }] = mistakes;
  return { offset, reason: words(printParseErrorCode(error)) };
}

/** "CommaExpected" as "comma expected". */
function words(name: string): string {
  return name.replace(/\B[A-Z]/g, " $&").toLowerCase();
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
