/**
 * Descriptors that a container's program gets from whoever starts it: the first ones after standard
 * error, as socket activation passes them (sd_listen_fds(3)), and `--preserve-fds` of engines.
 *
 * While the child becomes what it is to be, these numbers are the line's and the gate's. So what is
 * to be kept stands a little higher meanwhile, and changes places with them at the very end.
 *
 * @module
 */

import { F, O } from "../../ffi/constants.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import { LINE, TERMINAL_LINE } from "./line.ts";

/** The number of the first one, before and after. */
const FIRST = 3;
/** Where they are meanwhile: above the line, and what else may stand beside it. */
const ASIDE = TERMINAL_LINE + 1;

/** What is kept in one birth. */
export class Kept {
  /** The number of the line, wherever it is: a failure is told over it to the end. */
  readonly line: Ref;
  private readonly number: Memory;

  /**
   * Says how many descriptors are kept.
   *
   * @param program the birth
   * @param count how many, from the first one after standard error on
   */
  constructor(private readonly program: Program, private readonly count: number) {
    this.number = program.arena.allocate(8, "number of the line");
    program.arena.setWord(this.number.address, LINE);
    this.line = this.number.at(0, "line");
  }

  /**
   * Puts the descriptors aside, before the line and the gate take their numbers.
   *
   * @param line the child's end of the line
   * @returns what the child uses itself, moved out of the way
   */
  putAside(line: Ref, gate?: number): { line: Ref; gate?: Ref } {
    const { program, count } = this;
    const up = (why: string, fd: number | Ref) =>
      program.call(why, { name: "moved" }).fcntl(fd, F.DUPFD_CLOEXEC, ASIDE + count);
    const moved = {
      line: up("above all that is to be kept", line),
      gate: gate === undefined ? undefined : up("the gate too", gate),
    };
    for (let i = count - 1; i >= 0; i--) {
      program.call("kept for the program, and out of the way until then")
        .dup3(FIRST + i, ASIDE + i, O.CLOEXEC);
    }
    program.call("their own numbers are for the line and the gate").close_range(
      FIRST,
      ASIDE - 1,
      0,
    );
    return moved;
  }

  /** The number of the first descriptor that is not kept. */
  get firstToClose(): number {
    return ASIDE + this.count;
  }

  /** Gives the program what was kept for it. */
  giveBack(): void {
    const { program, count, number } = this;
    const moved = program.call("the line makes room, and still tells of a failure", {
      name: "line",
    }).fcntl(LINE, F.DUPFD_CLOEXEC, ASIDE + count);
    program.call("its new number").memcpy(number.address, moved.address, 4);
    for (let i = 0; i < count; i++) {
      program.call("the program finds it where it was, and it stays open")
        .dup3(ASIDE + i, FIRST + i, 0);
    }
  }
}
