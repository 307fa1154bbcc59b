import { expect } from "vitest";

/** Checks that a page is whole and needs nothing from elsewhere: no address, no script, no style sheet, no font, no picture file. */
export function expectOfflinePage(page: string): void {
  expect(page).toMatch(/^<!doctype html>/);
  expect(page.trimEnd()).toMatch(/<\/html>$/);
  expect(page).not.toMatch(/https?:|\/\/[\w-]+\.\w/);
  expect(page).not.toMatch(/<(script|link|img|iframe|object|embed|base)\b/i);
  expect(page).not.toMatch(/\b(src|href|srcset|action)\s*=/i);
  expect(page).not.toMatch(/@import|url\((?!["']?#)/i);
  expect(page).not.toMatch(/NaN|undefined|\[object/);
  expect(page).toMatch(/prefers-color-scheme: dark/);
  expect(page).toMatch(/name="viewport"/);
}

/** How many pictures a page has. */
export function pictures(page: string): number {
  return page.match(/<svg\b/g)?.length ?? 0;
}
