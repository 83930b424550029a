/**
 * Places containers: exercise.ts CAPACITY NAME=MEMORY…
 *
 * Prints a line for each: NAME and the number of its node, or NAME and - where it fits nowhere.
 *
 *   - no node may be promised more than CAPACITY
 *   - as few nodes as possible are used
 *
 * This one gives everybody a node of its own.
 *
 * @module
 */

const [, ...words] = Deno.args;
const demands = words.map((word) => {
  const [name, memory] = word.split("=");
  return { name, memory: Number(memory) };
});

demands.forEach(({ name }, i) => console.log(name, i + 1));
