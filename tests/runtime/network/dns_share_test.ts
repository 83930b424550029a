/**
 * A container that asks the name server without end leaves the others their places.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { takeShare } from "../../../runtime/network/dns.ts";

Deno.test("an address has 64 questions open at the most, whatever the others have", () => {
  const open: (Disposable | undefined)[] = [];
  while (open.length < 64) open.push(takeShare("10.77.0.2"));
  assertEquals(open.includes(undefined), false);
  assertEquals(takeShare("10.77.0.2"), undefined);
  using other = takeShare("10.77.0.3");
  assert(other);
  open[0]![Symbol.dispose]();
  open[0] = takeShare("10.77.0.2");
  assert(open[0]);
  for (const share of open) share![Symbol.dispose]();
});
