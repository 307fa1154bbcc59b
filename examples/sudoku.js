// Learning mini-Sudoku from solved examples alone: one optimization layer that is told nothing of the rules,
//
//     z = argmin 1/2 * 0.1 |z|^2 - puzzle'z   subject to  A z = b,  z >= 0,      A and b learned (OptNet, section 4.4).
import { random } from "@solvegrad/autograd";
import { cosine, generateSudoku, sudokuSettings, sudokuTask, train } from "@solvegrad/models";

const set = generateSudoku(1650, random(1));
const part = (from, to) => ({
  block: set.block,
  puzzles: set.puzzles.slice(from, to),
  solutions: set.solutions.slice(from, to),
});
const task = sudokuTask(sudokuSettings({ seed: 1, batchSize: 25, learningRate: 0.1 }), {
  train: part(0, 1500),
  test: part(1500, 1650),
});
console.log(`puzzle ${rows(set.puzzles[0])}   solution ${rows(set.solutions[0])}`);
for await (const event of train(task, { epochs: 5, batchSize: 25, seed: 1, schedule: cosine() })) {
  if (event.kind !== "evaluation") continue;
  const wrong = Math.round(event.measures.wrong * event.count);
  console.log(`epoch ${event.epoch}: ${wrong} of ${event.count} new boards break a rule`);
}

function rows(board) {
  return [0, 4, 8, 12]
    .map((begin) => [...board.slice(begin, begin + 4)].map((digit) => digit || ".").join(""))
    .join(" ");
}
