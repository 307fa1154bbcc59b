/** What can be wrong with a file: each makes its text from the fields of a right one. */
type Spoiler = (problem: Record<string, unknown>, uniform: () => number) => string;

type Fields = Record<string, unknown>;

function pick<T>(list: readonly T[], uniform: () => number): T {
  return list[Math.floor(uniform() * list.length)];
}

/** Changes one datum, of those that are lists. */
function changed(change: (datum: unknown[], uniform: () => number) => unknown): Spoiler {
  return (problem, uniform) => {
    const lists = Object.entries(problem).filter(([, value]) => Array.isArray(value) && value.length > 0);
    if (lists.length === 0) return "[]";
    const [name, value] = pick(lists, uniform);
    return JSON.stringify({ ...problem, [name]: change(structuredClone(value) as unknown[], uniform) });
  };
}

/** Puts something in the place of one number, as text, so that it need not be JSON. */
function replaced(...texts: readonly string[]): Spoiler {
  return (problem, uniform) => {
    const marked = changed((datum, next) => replaceNumber(datum, next))(problem, uniform);
    return marked.replace('"@"', pick(texts, uniform));
  };
}

function replaceNumber(part: unknown, uniform: () => number): unknown {
  if (!Array.isArray(part) || part.length === 0) return "@";
  const at = Math.floor(uniform() * part.length);
  return part.map((entry, k) => (k === at ? replaceNumber(entry, uniform) : entry));
}

function without(problem: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(problem).filter(([key]) => key !== name));
}

export const spoilers: readonly Spoiler[] = [
  replaced("NaN", "Infinity", "-Infinity", "nan", "undefined"),
  replaced("1e999", "-1e999", "1e308", "-1e308", "1e-320", "1e200", "-0", "1e30", "1e-30"),
  replaced("null", '"1"', "true", "{}", "[]", "[1]", '"inf"'),
  replaced("1e16", "-1e16", "1e-16", "1e12", "-1e12"),
  changed((datum) => datum.slice(1)),
  changed((datum) => [...datum, datum[0]]),
  changed((datum) => [datum]),
  changed((datum) => [[datum]]),
  changed(() => []),
  changed(() => [[]]),
  changed((datum) =>
    Array.isArray(datum[0]) ? [datum[0].slice(1), ...datum.slice(1)] : [[datum[0]], ...datum.slice(1)],
  ),
  changed((datum) => (Array.isArray(datum[0]) ? datum[0] : datum)),
  changed((datum) => datum.reverse()),
  changed((_, uniform) => pick([3, "three", null, false, {}, { shape: [2, 2] }], uniform)),
  (problem, uniform) => JSON.stringify(without(problem, pick(Object.keys(problem), uniform))),
  (problem, uniform) =>
    JSON.stringify({ ...problem, kind: pick(["qp", "sparsemax", "entropy", "cone", "QP", "", 1], uniform) }),
  (problem) => JSON.stringify({ ...problem, sigma: 1, __proto__: null }),
  (problem) => JSON.stringify(problem).replace("{", '{"__proto__":{"x":1},"constructor":2,'),
  (problem, uniform) => {
    const text = JSON.stringify(problem);
    return text.slice(0, Math.floor(uniform() * text.length));
  },
  (problem, uniform) => {
    const text = JSON.stringify(problem);
    const at = Math.floor(uniform() * text.length);
    return text.slice(0, at) + pick(["}", ",", "\0", "e", "-", "\u{1F600}", '"', "[["], uniform) + text.slice(at);
  },
  (_, uniform) =>
    pick(["", " ", "null", "[]", "3", '"qp"', "{}", "NAME\nROWS\n N obj\nENDATA\n", "\u{feff}{}"], uniform),
  (problem, uniform) => {
    const [first, second] = [pick(Object.keys(problem), uniform), pick(Object.keys(problem), uniform)];
    return JSON.stringify({ ...problem, [first]: problem[second], [second]: problem[first] });
  },
  (problem, uniform) => {
    const broken = {
      shape: pick([[2, 2], [-1, 2], [1e9, 1e9], [2]], uniform),
      indptr: [0, 1, 5],
      indices: [0, 7],
      data: [1, 2],
    };
    return JSON.stringify({ ...problem, [pick(["Q", "A", "G"], uniform)]: broken });
  },
];
