/**
 * A hook or a tool that was run on the way and did not end well: how did it end?
 *
 * @module
 */

import { Memory } from "../../ffi/memory.ts";
import type { Step } from "../../ffi/program.ts";
import { readWaitStatus } from "../processes.ts";
import { type Cases, type Finder, named } from "./scene.ts";

/** What run_program.ts writes down before the call that is there to fail. */
const endedBadly: Finder = ({ failure: { program }, step }) => {
  const before = program.steps.slice(0, program.steps.indexOf(step));
  const begun = before.findLastIndex(({ name }) => name === "clone");
  const find = (name: Step["name"]) => before.slice(begun).find((step) => step.name === name);
  const status = find("waitpid")?.args[1];
  if (begun < 0 || !(status instanceof Memory)) return;
  const [path, kill, poll] = [find("execve")?.args[0], find("kill"), find("poll")];
  const subject = `${step.why.replace(/ did not end well$/, "")}: ${named(String(path))}`;
  if (kill && poll && program.outcome(kill).count > 0) {
    return { cause: `${subject} did not end within ${Number(poll.args[2]) / 1000} s` };
  }
  const { code, signal } = readWaitStatus(status.at(0).value);
  return {
    cause: signal
      ? `${subject} was killed by signal ${signal}`
      : `${subject} ended with status ${code}`,
  };
};

/** What to look for when a helper has ended and another wait for it fails. */
export const HELPERS: Cases = { waitpid: { ECHILD: endedBadly } };
