/**
 * The host's ports that lead into a container, as Docker's lists show them.
 *
 * @module
 */

import type { PublishedPort } from "../runtime/network/state.ts";

/** `0.0.0.0:8080->80/tcp`, a comma between two; what goes on by one is `8080-8082->80-82/tcp`. */
export function formatPorts(ports: readonly PublishedPort[]): string {
  const ranges: (PublishedPort & { count: number })[] = [];
  const sorted = ports.toSorted((a, b) =>
    a.protocol.localeCompare(b.protocol) || a.container - b.container
  );
  for (const port of sorted) {
    const last = ranges.at(-1);
    const isNext = last && last.ip === port.ip && last.protocol === port.protocol &&
      last.container + last.count === port.container && last.host + last.count === port.host;
    if (isNext) last.count++;
    else ranges.push({ ...port, count: 1 });
  }
  const range = (from: number, count: number) => count === 1 ? from : `${from}-${from + count - 1}`;
  return ranges.map(({ ip = "0.0.0.0", host, container, protocol, count }) => {
    const address = ip.includes(":") ? `[${ip}]` : ip;
    return `${address}:${range(host, count)}->${range(container, count)}/${protocol}`;
  }).join(", ");
}
