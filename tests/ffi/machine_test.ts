/**
 * The machine code is what its mnemonics say, and walks as the listing promises, on both machines.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { FLAG, LISTINGS, machineCode, STEP } from "../../ffi/machine.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import type { Arch } from "./machine_drivers.ts";
import {
  assemble,
  build,
  emulator,
  type Scenario,
  type StepSpec,
  tools,
  UNTOUCHED,
  type Walked,
  type Word,
} from "./machine_lab.ts";

const note = (value: Word, more: Partial<StepSpec> = {}): StepSpec => ({
  call: "note",
  args: [value],
  ...more,
});
const fail = (errno: number, more: Partial<StepSpec> = {}): StepSpec => ({
  call: "fail",
  args: [errno],
  ...more,
});
/** A step like clone(2): it gives `pid`, and 0 makes a child. */
const fork = (pid: number): StepSpec => note(pid, { flags: FLAG.fork });
const result = (step: number): Word => ({ step, offset: STEP.result });

/** The part of a walk that the expectation speaks of must be as it says. */
type Expectation = Partial<Omit<Walked, "steps">> & {
  results?: bigint[];
  errnos?: number[];
  counts?: number[];
};

const scenarios: Record<string, [Scenario, Expectation]> = {
  "an empty list is walked": [
    { steps: [] },
    { returned: null, log: [], current: null, failed: null },
  ],
  "six arguments arrive in order, and the stack is where the convention wants it": [
    {
      steps: [
        { call: "sum", args: [1, 2, 3, 4, 5, 6], flags: FLAG.wide },
        { call: "sum", args: [0x1000000000, 0, 0, 0, 0, 1], flags: FLAG.wide },
        { call: "misalignment" },
        { call: "vectors" },
      ],
    },
    {
      returned: null,
      current: 3,
      failed: null,
      results: [1n + 4n + 12n + 32n + 80n + 192n, 0x1000000020n, 0n, 0n],
      errnos: [0, 0, 0, 0],
    },
  ],
  "each argument can be the address of its value": [
    {
      steps: [
        { call: "sum", args: [1], flags: FLAG.wide },
        ...[0, 1, 2, 3, 4, 5].map((number): StepSpec => {
          const args: Word[] = [0, 0, 0, 0, 0, 0];
          args[number] = result(number);
          return { call: "sum", args, flags: FLAG.wide | 1 << number };
        }),
      ],
    },
    { returned: null, results: [1n, 1n, 2n, 8n, 64n, 1024n, 32768n] },
  ],
  "an int is sign-extended, a long is left alone": [
    {
      steps: [
        { call: "sum", args: [0xfffffffe] },
        { call: "sum", args: [0xfffffffe], flags: FLAG.wide },
        { call: "fail", args: [5], flags: FLAG.wide },
        note(1),
      ],
    },
    { returned: null, results: [-2n, 0xfffffffen, 0xffffffffn, 1n], errnos: [0, 0, 0, 0] },
  ],
  "a failure stops the walk, and its errno is there": [
    { steps: [note(1), fail(13), note(2)] },
    {
      returned: 1,
      failed: 1,
      current: 1,
      log: [1],
      results: [1n, -1n, UNTOUCHED],
      errnos: [0, 13, 0],
    },
  ],
  "a long fails too": [
    { steps: [{ call: "fail_long", args: [22], flags: FLAG.wide }, note(1)] },
    { returned: 0, failed: 0, log: [], results: [-1n, UNTOUCHED], errnos: [22, 0] },
  ],
  "an allowed errno is noted, and the walk goes on": [
    {
      steps: [
        ...[1, 63, 64, 127, 128, 191].map((errno) => fail(errno, { allowed: [errno] })),
        note(1),
      ],
    },
    { returned: null, failed: null, log: [1], errnos: [1, 63, 64, 127, 128, 191, 0] },
  ],
  "another errno than the allowed ones is a failure": [
    { steps: [fail(2, { allowed: [1, 3, 66, 130] }), note(1)] },
    { returned: 0, failed: 0, log: [] },
  ],
  "an errno that has no bit is a failure": [
    { steps: [fail(192, { allowed: Array.from({ length: 192 }, (_, errno) => errno) })] },
    { returned: 0, failed: 0, errnos: [192] },
  ],
  "where -1 is a result, errno is not looked at": [
    { steps: [{ call: "fail_long", args: [9], flags: FLAG.unchecked | FLAG.wide }, note(1)] },
    { returned: null, failed: null, log: [1], results: [-1n, 1n], errnos: [0, 0] },
  ],
  "a success can jump forwards": [
    {
      steps: [note(0, { flags: FLAG.jumpIfOk, jump: { step: 2 } }), note(2), note(3)],
    },
    { returned: null, log: [0, 3], current: 2 },
  ],
  "a failure does not jump, an allowed one neither": [
    {
      steps: [
        fail(2, { allowed: [2], flags: FLAG.jumpIfOk, jump: { step: 2 } }),
        note(2),
        note(3),
      ],
    },
    { returned: null, log: [2, 3] },
  ],
  "a jump to nowhere is the end": [
    { steps: [note(1, { flags: FLAG.jumpIfOk }), note(2)] },
    { returned: null, log: [1], failed: null },
  ],
  "what is not 0 can jump, 0 goes on": [
    {
      steps: [
        note(0, { flags: FLAG.jumpIfNonzero, jump: { step: 3 } }),
        note(7, { flags: FLAG.jumpIfNonzero, jump: { step: 3 } }),
        note(8),
        note(9),
      ],
    },
    { returned: null, log: [0, 7, 9], counts: [1, 1, 0, 1] },
  ],
  "a jump backwards makes a loop, and a step counts its calls": [
    {
      cells: [3],
      steps: [
        note(1),
        {
          call: "countdown",
          args: [{ cell: 0 }],
          flags: FLAG.jumpIfNonzero,
          jump: { step: 0 },
        },
      ],
    },
    { returned: null, log: [1, 1, 1], results: [1n, 0n], counts: [3, 3] },
  ],
  "the parent of a fork goes on, and comes back": [
    { steps: [fork(123), note(1)] },
    { returned: null, log: [123, 1], results: [123n, 1n] },
  ],
  "the parent of a fork can jump over the child's part": [
    {
      steps: [
        note(123, { flags: FLAG.fork | FLAG.jumpIfNonzero, jump: { step: 3 } }),
        note(1),
        { call: "note" },
        note(3),
      ],
    },
    { returned: null, log: [123, 3] },
  ],
  "a parent can fail after a fork": [
    { steps: [fork(123), fail(4)], tail: [note(9)], status: 125 },
    { returned: 1, failed: 1, log: [123] },
  ],
  "a child goes on with the next step, and exits with 0 at the end": [
    {
      steps: [note(0, { flags: FLAG.fork | FLAG.jumpIfNonzero, jump: { step: 2 } }), note(1)],
      status: 125,
    },
    // the parent's result is in the same memory, so the child's 0 stays out of it
    { exited: 0, log: [0, 1], failed: null, results: [UNTOUCHED, 1n] },
  ],
  "a child that jumps to nowhere exits with 0": [
    { steps: [fork(0), note(1, { flags: FLAG.jumpIfOk }), note(2)], status: 125 },
    { exited: 0, log: [0, 1] },
  ],
  "a child that fails exits with the header's status": [
    { steps: [fork(0), fail(13), note(2)], status: 125 },
    { exited: 125, failed: 1, log: [0], errnos: [0, 13, 0] },
  ],
  "a child of a child is a child": [
    { steps: [fork(0), fork(7), fork(0), fail(1)], status: 3 },
    { exited: 3, failed: 3, log: [0, 7, 0] },
  ],
  "a child that fails walks the tail first": [
    { steps: [fork(0), fail(13), note(2)], tail: [note(8), note(9)], status: 125 },
    { exited: 125, log: [0, 8, 9], failed: 1 },
  ],
  "a tail that fails is left with the header's status": [
    { steps: [fork(0), fail(13)], tail: [note(8), fail(32), note(9)], status: 125 },
    // the first failure is the one to be told of
    { exited: 125, log: [0, 8], failed: 1 },
  ],
};

const names = Object.keys(scenarios);

for (const arch of Object.keys(LISTINGS) as Arch[]) {
  Deno.test({
    ...needs(`${arch}: the assembler makes the bytes that stand beside the mnemonics`, {
      programs: tools(arch),
    }),
    async fn() {
      await using root = await tempRoot();
      const made = await assemble(arch, root.path);
      const expected = LISTINGS[arch].split("\n").filter((line) => line.includes("|"));
      let offset = 0;
      const actual = expected.map((line) => {
        const [bytes, mnemonic] = line.split("|");
        const { length } = bytes.trim().split(" ");
        const own = [...made.subarray(offset, offset += length)]
          .map((byte) => byte.toString(16).padStart(2, "0"));
        return `  ${own.join(" ").padEnd(21)}|${mnemonic}`;
      });
      assertEquals(actual.join("\n"), expected.join("\n"));
      assertEquals(made, machineCode(LISTINGS[arch]));
    },
  });

  Deno.test({
    ...needs(`${arch}: the machine walks`, { programs: [...tools(arch), ...emulator(arch)] }),
    async fn(test) {
      await using root = await tempRoot();
      const walk = await build(arch, root.path, names.map((name) => scenarios[name][0]));
      for (const [index, name] of names.entries()) {
        await test.step(name, async () => check(scenarios[name][1], await walk(index)));
      }
    },
  });
}

/** Compares what a walk left behind; the caller's registers are always its own. */
function check(expected: Expectation, { steps, ...walked }: Walked): void {
  const { results, errnos, counts, ...rest } = expected;
  for (const [key, value] of Object.entries(rest)) {
    assertEquals(walked[key as keyof typeof walked], value, key);
  }
  if (results) assertEquals(steps.map((step) => step.result), results);
  if (errnos) assertEquals(steps.map((step) => step.errno), errnos);
  if (rest.exited === undefined) assertEquals(walked.preserved, true, "registers");
  if (counts) assertEquals(steps.map((step) => step.count), counts);
}
