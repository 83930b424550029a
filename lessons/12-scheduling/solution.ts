/**
 * Places containers: the largest first, each on the first node where it fits. What is small finds a
 * place in what the large ones leave; the other way round the large ones find none.
 *
 * That is "first fit decreasing": never more than 11/9 of the fewest nodes, and one more. To find the
 * fewest in every case nobody knows a quick way.
 *
 * @module
 */

const [first, ...words] = Deno.args;
const capacity = Number(first);
const demands = words.map((word) => {
  const [name, memory] = word.split("=");
  return { name, memory: Number(memory) };
});

const left: number[] = [];
for (const { name, memory } of demands.toSorted((a, b) => b.memory - a.memory)) {
  if (memory > capacity) {
    console.log(name, "-");
    continue;
  }
  let node = left.findIndex((room) => memory <= room);
  if (node < 0) node = left.push(capacity) - 1;
  left[node] -= memory;
  console.log(name, node + 1);
}
