/**
 * Numbers and lists as the kernel's files take them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { CgroupError } from "../../../runtime/cgroups/plan.ts";
import {
  bytes,
  cpuList,
  integer,
  sharesOfWeight,
  weightOfShares,
} from "../../../runtime/cgroups/values.ts";

Deno.test("shares become weights as in runc since 1.3.2 and crun since 1.23", () => {
  // the ends, the middle, and two that the releases of runc and youki name
  const known = [[2, 1], [1024, 100], [262_144, 10_000], [2000, 170], [22_000, 1204]];
  for (const [shares, weight] of known) assertEquals(weightOfShares(shares), weight);
  // the kernel holds shares within these, so what is outside means the same
  assertEquals(weightOfShares(1), 1);
  assertEquals(weightOfShares(1_000_000), 10_000);
});

Deno.test("every weight comes back from its shares", () => {
  for (let weight = 1; weight <= 10_000; weight++) {
    assertEquals(weightOfShares(sharesOfWeight(weight)), weight);
  }
});

Deno.test("a number out of range is refused by its field's name", () => {
  assertEquals(integer("field", 5, 0, 10), "5");
  for (const value of [-1, 11, 1.5, NaN, Infinity]) {
    assertThrows(
      () => integer("field", value, 0, 10),
      CgroupError,
      `field: ${value} is not a whole number from 0 to 10`,
    );
  }
  assertEquals(bytes("field", -1, "max"), "max");
  // what JSON makes of the kernel's own "unlimited", 9223372036854771712
  assertEquals(bytes("field", 9223372036854772000, "max"), "9223372036854772000");
  assertThrows(() => bytes("field", 1e22, "max"), CgroupError);
});

Deno.test("a list of processors has to lie within what there is", () => {
  assertEquals(cpuList("field", "0-2,5", "0-7\n"), "0-2,5");
  assertEquals(cpuList("field", "3", undefined), "3");
  assertThrows(
    () => cpuList("field", "2-4", "0-3\n"),
    CgroupError,
    "field: 2-4 is outside of 0-3, which the host offers",
  );
  for (const list of ["", "a", "1-", "3-1", "0,,1", "-1", "0-99999999"]) {
    assertThrows(() => cpuList("field", list, "0-3"), CgroupError, "is not a list such as 0-3,7");
  }
});
