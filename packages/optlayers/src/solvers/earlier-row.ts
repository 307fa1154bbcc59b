/** Row i of an earlier solution's numbers, a copy; null where they are of another shape or not finite, and no start. */
export function earlierRow(
  rows: Float64Array | undefined,
  i: number,
  { batch, width }: { readonly batch: number; readonly width: number },
): Float64Array | null {
  if (rows?.length !== batch * width) return null;
  const row = rows.slice(i * width, (i + 1) * width);
  return row.every(Number.isFinite) ? row : null;
}
