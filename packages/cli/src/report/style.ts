/** The look of every page: two palettes by the reader's preference, one column on a phone. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f6f7f9; --ink: #1b1f24; --faint: #57606a; --line: #d5dae0;
  --series-1: #0b66c3; --series-2: #c2410c; --series-3: #15803d; --series-4: #7e3fb2; --reference: #8a929c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --panel: #1c2026; --ink: #e6e9ed; --faint: #a0a8b2; --line: #343a42;
    --series-1: #6cb0f5; --series-2: #f59e6c; --series-3: #6fce8f; --series-4: #c39bf0; --reference: #7d8590;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 8px; }
h2 { font-size: 1.2rem; margin: 36px 0 12px; }
h3 { font-size: 1rem; margin: 0 0 4px; }
p { margin: 0 0 12px; max-width: 75ch; }
.lead, .caption, figcaption { color: var(--faint); }
.caption, figcaption { font-size: 0.875rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.tile dt { color: var(--faint); font-size: 0.875rem; }
.tile dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile p { margin: 0; color: var(--faint); font-size: 0.8rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
.figures { margin-bottom: 16px; }
figure:only-child { max-width: 560px; }
figure { margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 14px; min-width: 0; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { margin-top: 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; margin: 0 0 4px; padding: 0; font-size: 0.875rem; color: var(--faint); }
.swatch { display: inline-block; width: 18px; border-top: 3px solid; vertical-align: middle; margin-right: 6px; }
.swatch.dashed { border-top-style: dashed; }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; margin-bottom: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 12px; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
thead th { background: var(--panel); color: var(--faint); font-weight: 600; }
tbody tr { border-top: 1px solid var(--line); }
.results th, .results td { padding: 7px 9px; }
.results th { white-space: normal; vertical-align: bottom; }
.results .words { text-align: left; }
.results .paper { background: var(--panel); color: var(--faint); }
@media (max-width: 760px) {
  .results { border: 0; }
  .results thead { position: absolute; clip-path: inset(50%); }
  .results table, .results tbody { display: block; font-size: 0.85rem; }
  .results tr { display: grid; grid-template-columns: 1fr 1fr; column-gap: 16px; border: 1px solid var(--line); border-radius: 8px; padding: 6px 10px; margin-bottom: 8px; }
  .results td, .results .words { display: flex; justify-content: space-between; gap: 8px; padding: 2px 0; text-align: right; white-space: normal; background: none; }
  .results td::before { content: attr(data-title); color: var(--faint); text-align: left; }
  .results td.paper { font-style: italic; }
  .results td.none { display: none; }
}
@media (max-width: 480px) {
  .results td, .results td:first-child { padding: 2px 0; }
  .results tr { column-gap: 12px; font-size: 0.75rem; }
  table { font-size: 0.68rem; }
  th, td { padding: 6px 3px; white-space: normal; }
  th:first-child, td:first-child { padding-left: 8px; }
}
`;
