/**
 * A spec's way through text: what is written is what is read.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import type { Spec } from "../../runtime/spec.ts";
import { parseSpec, SpecError, stringifySpec, validateSpec } from "../../runtime/validate.ts";
import { smallSpec, wholeSpec } from "./spec_samples.ts";

Deno.test("a spec is the same after it was written and read", () => {
  for (const spec of [smallSpec(), wholeSpec()]) {
    assertEquals<Spec>(parseSpec(stringifySpec(spec)), spec);
    assertEquals<Spec>(parseSpec(stringifySpec(spec, 2)), spec);
  }
});

Deno.test("checking a spec neither changes nor copies it", () => {
  const spec = wholeSpec();
  Object.freeze(spec);
  Object.freeze(spec.linux);
  const before = structuredClone(spec);
  assertEquals(validateSpec(spec) === spec, true);
  assertEquals(spec, before);
});

Deno.test("a seccomp operand above 2^53 is read and written digit for digit", () => {
  const text = (operand: string) =>
    `{"ociVersion":"1.2.1","linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":` +
    `[{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":` +
    `[{"index":0,"value":${operand},"op":"SCMP_CMP_EQ"}]}]}}}`;
  const operand = (spec: Spec) => spec.linux?.seccomp?.syscalls?.[0].args?.[0].value;
  for (const digits of ["18446744073709551615", "9007199254740993"]) {
    const spec = parseSpec(text(digits));
    assertEquals(operand(spec), BigInt(digits));
    assertEquals(stringifySpec(spec), text(digits));
  }
  assertEquals(operand(parseSpec(text("2114060288"))), 2114060288);
  // JSON.parse alone would make this a number that is another one.
  assertThrows(() => validateSpec(JSON.parse(text("9007199254740993"))), SpecError, "a bigint");
  assertThrows(() => parseSpec(text("18446744073709551616")), SpecError, "from 0 to 2^64 - 1");
  assertThrows(() => parseSpec(text("1e300")), SpecError, "from 0 to 2^64 - 1");
});

Deno.test("null is absence, as programs in Go write it", () => {
  const { linux, ...rest } = smallSpec();
  const text = JSON.stringify({
    ...rest,
    hooks: null,
    mounts: [{ destination: "/a", options: null }],
    linux: { ...linux, seccomp: null, resources: { devices: null } },
  });
  assertEquals(parseSpec(text), {
    ...rest,
    mounts: [{ destination: "/a" }],
    linux: { ...linux, resources: {} },
  });
  const error = assertThrows(() => parseSpec(text.replace('"sh"', "null")), SpecError);
  assertEquals(error.message, "config.json: process.args[0]: must be a string, got nothing");
});

Deno.test("text that is no JSON is a SpecError with the parser's reason", () => {
  for (const text of ["", "{", '{"ociVersion": "1.2.1",}', "\ufeff\u0000"]) {
    const error = assertThrows(() => parseSpec(text), SpecError, "config.json: is not JSON: ");
    assertEquals(error.path, "");
  }
  assertThrows(() => parseSpec("[]"), SpecError, "config.json: must be an object, got a list");
  assertThrows(() => parseSpec("null"), SpecError, "config.json: must be an object");
});

Deno.test("a field that the specification does not know is ignored, and kept", () => {
  const spec = { ...smallSpec(), vm: { kernel: 5 }, "x-mine": [null] };
  assertEquals<unknown>(validateSpec(spec), spec);
});
