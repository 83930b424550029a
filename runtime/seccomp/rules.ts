/**
 * A profile's words as the numbers that libseccomp takes.
 *
 * Values have been checked where the profile came in (validate/limits.ts); here only words are
 * refused, those that have no number. The numbers are those of seccomp_rule_add(3) and seccomp.h.
 *
 * @module
 */

import type { LinuxSeccomp, LinuxSeccompArg } from "../spec/seccomp.ts";
import { RETURN } from "./bpf.ts";

const EPERM = 1;

const ACTIONS: ReadonlyMap<string, number> = new Map([
  // a thread alone, as libseccomp and the specification have it
  ["SCMP_ACT_KILL", RETURN.KILL_THREAD],
  ["SCMP_ACT_KILL_THREAD", RETURN.KILL_THREAD],
  ["SCMP_ACT_KILL_PROCESS", RETURN.KILL_PROCESS],
  ["SCMP_ACT_TRAP", RETURN.TRAP],
  ["SCMP_ACT_ERRNO", RETURN.ERRNO],
  ["SCMP_ACT_TRACE", RETURN.TRACE],
  ["SCMP_ACT_ALLOW", RETURN.ALLOW],
  ["SCMP_ACT_LOG", RETURN.LOG],
  ["SCMP_ACT_NOTIFY", RETURN.NOTIFY],
]);

const OPERATORS: ReadonlyMap<string, number> = new Map([
  ["SCMP_CMP_NE", 1],
  ["SCMP_CMP_LT", 2],
  ["SCMP_CMP_LE", 3],
  ["SCMP_CMP_EQ", 4],
  ["SCMP_CMP_GE", 5],
  ["SCMP_CMP_GT", 6],
  ["SCMP_CMP_MASKED_EQ", 7],
]);

/** One call of `seccomp_rule_add_array`. */
export interface Rule {
  /** Where the rule stands in the profile, for errors. */
  path: string;
  /** The system call. */
  name: string;
  /** What a filter returns for it. */
  action: number;
  /** An array of `struct scmp_arg_cmp`; all of them must hold. */
  conditions: Uint8Array<ArrayBuffer>;
  /** How many they are. */
  count: number;
}

/** A profile in numbers. */
export interface Rules {
  /** What a filter returns where no rule matches. */
  defaultAction: number;
  /** The rules, without those that only repeat the default, which libseccomp refuses. */
  rules: Rule[];
}

/**
 * Translate a profile.
 *
 * @throws {Error} with the field's path, for an action or an operator that does not exist
 */
export function readRules(profile: LinuxSeccomp): Rules {
  const defaultAction = action(
    profile.defaultAction,
    profile.defaultErrnoRet,
    "linux.seccomp.defaultAction",
  );
  const rules = (profile.syscalls ?? []).flatMap((rule, index): Rule[] => {
    const path = `linux.seccomp.syscalls[${index}]`;
    const code = action(rule.action, rule.errnoRet, `${path}.action`);
    const alternatives = separate(rule.args ?? []).map((args) => ({
      conditions: encode(args, path),
      count: args.length,
    }));
    if (code === defaultAction) return [];
    return rule.names.flatMap((name) =>
      alternatives.map((conditions) => ({ path, name, action: code, ...conditions }))
    );
  });
  return { defaultAction, rules };
}

/** The value that a filter returns for an action: ERRNO and TRACE have a number in the lower half. */
function action(name: string, errno: number | undefined, path: string): number {
  const code = number(ACTIONS, name, path, "action");
  if (code !== RETURN.ERRNO && code !== RETURN.TRACE) return code;
  return code + ((errno ?? EPERM) & 0xffff);
}

function number(
  numbers: ReadonlyMap<string, number>,
  name: string,
  path: string,
  kind: string,
): number {
  const found = numbers.get(name);
  if (found !== undefined) return found;
  const known = [...numbers.keys()].join(", ");
  throw new Error(`${path}: "${name}" is no ${kind} of libseccomp's; want ${known}`);
}

/**
 * The sets of conditions under which a rule holds. There is one set, unless two conditions look at
 * the same argument: then each is a rule of its own, as in runc, because profiles have been written
 * for that ("family 1, or family 2").
 */
function separate(args: LinuxSeccompArg[]): LinuxSeccompArg[][] {
  const repeated = new Set(args.map((arg) => arg.index)).size < args.length;
  return repeated ? args.map((arg) => [arg]) : [args];
}

/** `struct scmp_arg_cmp`: argument and operator of 32 bits, two operands of 64. */
function encode(args: readonly LinuxSeccompArg[], path: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(24 * args.length);
  const view = new DataView(bytes.buffer);
  for (const [index, { index: argument, op, value, valueTwo }] of args.entries()) {
    const operator = number(OPERATORS, op, `${path}.args[${index}].op`, "operator");
    view.setUint32(24 * index, argument, true);
    view.setUint32(24 * index + 4, operator, true);
    view.setBigUint64(24 * index + 8, BigInt(value), true);
    view.setBigUint64(24 * index + 16, BigInt(valueTwo ?? 0), true);
  }
  return bytes;
}
