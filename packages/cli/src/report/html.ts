/** A piece of HTML that is safe to put into a page as it is. */
export interface Html {
  readonly html: string;
}

type Content = Html | string | number | readonly (Html | string | number)[];

/** Template tag: text is escaped, pieces of HTML and lists of pieces go in as they are. */
export function html(strings: TemplateStringsArray, ...contents: Content[]): Html {
  const parts = contents.map((content, i) => rendered(content) + strings[i + 1]);
  return { html: strings[0] + parts.join("") };
}

/** Marks text as HTML. Only for what this program made. */
export function raw(text: string): Html {
  return { html: text };
}

function rendered(content: Content): string {
  if (typeof content === "string") return escaped(content);
  if (typeof content === "number") return String(content);
  return "html" in content ? content.html : content.map(rendered).join("");
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}
