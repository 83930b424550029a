/**
 * Files of names and values: `--env-file`, `--label-file`.
 *
 * @module
 */

import { show } from "../../runtime/words.ts";
import { wrongFlag } from "./grammar.ts";
import { readFile } from "./paths.ts";

/**
 * The lines of a file of names and values, as Docker reads it: `NAME=VALUE` or `NAME`, empty lines
 * and those that begin with # passed over, nothing unquoted or expanded.
 */
export function readList(
  flag: string,
  file: string,
): [name: string, value: string | undefined][] {
  const list: [string, string | undefined][] = [];
  for (const [i, line] of readFile(flag, file).split(/\r?\n/).entries()) {
    const text = line.trimStart();
    if (text === "" || text.startsWith("#")) continue;
    const [name] = text.split("=", 1);
    if (name === "" || /\s/.test(name)) {
      const problem = name === "" ? "there is no name" : `the name ${show(name)} has a space in it`;
      throw wrongFlag(`--${flag}: ${file}, line ${i + 1}: ${problem} before the =`);
    }
    list.push([name, name === text ? undefined : text.slice(name.length + 1)]);
  }
  return list;
}
