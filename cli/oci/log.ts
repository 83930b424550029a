/**
 * The log of an OCI runtime: what engines read when a command has failed, a line each, as text or as
 * JSON in the form of logrus, which runc writes with.
 *
 * @module
 */

import { wrongValue } from "../flags/grammar.ts";
import { printError } from "../output.ts";

/** How bad it is. */
type Level = "debug" | "warning" | "error";

/** A log; until it is opened, and without a file, it keeps nothing. */
export class Log {
  private file?: string;
  private format = "text";
  private isDebug = false;

  /** Says where it is written, and how. */
  open(file: string | undefined, format = "text", isDebug: boolean): void {
    if (format !== "text" && format !== "json") {
      throw wrongValue("log-format", format, "is not text or json");
    }
    Object.assign(this, { file, format, isDebug });
  }

  /** Why the command has failed. */
  error(message: string): void {
    this.write("error", message);
  }

  /** What went wrong and changed nothing. */
  warn(message: string): void {
    this.write("warning", message);
    printError(`tiffin: ${message}\n`);
  }

  /** What is done. */
  debug(message: string): void {
    if (this.isDebug) this.write("debug", message);
  }

  /** Writes one line. */
  private write(level: Level, msg: string): void {
    if (this.file === undefined) return;
    const time = new Date().toISOString().replace(/\.\d+/, "");
    const line = this.format === "json"
      ? JSON.stringify({ level, msg, time })
      : `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(msg)}`;
    try {
      Deno.writeTextFileSync(this.file, `${line}\n`, { append: true, mode: 0o644 });
    } catch (error) {
      // the error itself is on standard error in any case
      printError(`tiffin: --log: ${(error as Error).message}\n`);
    }
  }
}
