/** What the process tells its caller. */
export const exitCodes = {
  solved: 0,
  internalError: 1,
  badInput: 2,
  infeasible: 3,
  notConverged: 4,
  interrupted: 130,
} as const;

/** Bad usage or input: the message is the one line that the user sees. */
export class InputError extends Error {
  override readonly name = "InputError";
}
