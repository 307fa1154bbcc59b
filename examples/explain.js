// Why is a plan as it is, and why is there none? A workshop makes tables, chairs and shelves from wood and hours.
import { explain, formatExplanation, interiorPoint, quadraticProgram } from "@solvegrad/optlayers";

const names = {
  variables: ["tables", "chairs", "shelves"],
  inequalities: ["wood", "hours", "-tables", "-chairs", "-shelves", "-chairs ordered"],
};

/** Maximize the profit, which falls a little the more of a kind is made. */
function plan(chairsOrdered) {
  return quadraticProgram({
    Q: [
      [2, 0, 0],
      [0, 0.4, 0],
      [0, 0, 1],
    ],
    q: [-40, -12, -18],
    G: [
      [8, 2, 5],
      [4, 2, 1],
      [-1, 0, 0],
      [0, -1, 0],
      [0, 0, -1],
      [0, -1, 0],
    ],
    h: [100, 50, 0, 0, 0, -chairsOrdered],
  });
}

for (const ordered of [15, 40]) {
  const problem = plan(ordered);
  const solution = interiorPoint().solve(problem);
  console.log(`\n${ordered} chairs ordered: ${solution.status[0]}`);
  if (solution.status[0] === "solved") {
    console.log(names.variables.map((name, i) => `${solution.x[i].toFixed(2)} ${name}`).join(", "));
  }
  console.log(formatExplanation(explain(problem, solution, { names })));
}
