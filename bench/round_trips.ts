/**
 * Latency: how long a connection takes until its first answer. One side of it, for bench/network.ts:
 * `serve PORT`, or `measure HOST PORT`, which prints microseconds.
 *
 * @module
 */

import { median } from "./measure.ts";

const [role, ...rest] = Deno.args;
const COUNT = 500;

if (role === "serve") {
  for await (const connection of Deno.listen({ hostname: "0.0.0.0", port: Number(rest[0]) })) {
    connection.write(new Uint8Array(1)).then(() => connection.close(), () => {});
  }
} else {
  const [hostname, port] = rest;
  const times: number[] = [];
  for (let i = 0; i < COUNT; i++) {
    const start = performance.now();
    using connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.read(new Uint8Array(1));
    times.push((performance.now() - start) * 1000);
  }
  console.log(median(times.sort((a, b) => a - b)));
}
