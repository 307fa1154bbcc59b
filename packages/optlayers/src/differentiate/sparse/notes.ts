/** What a report says of constraints that bind with a multiplier of zero; nothing where there are none. */
export function weaklyActiveNotes(count: number): string[] {
  if (count === 0) return [];
  const which = count === 1 ? "1 constraint binds" : `${count} constraints bind`;
  return [`${which} with a multiplier of zero and count as inactive: the derivative is one-sided there.`];
}
