/**
 * Small tables in the reader's language: values in front, since words differ in width.
 *
 * @module
 */

import type { Stage, Text } from "./lesson.ts";

/** Shows values, one a line, each with what it is behind it. */
export function showValues(
  stage: Stage,
  rows: readonly (readonly [value: string | number, what: Text])[],
): void {
  const width = Math.max(...rows.map(([value]) => String(value).length));
  stage.show(
    rows.map(([value, what]) => `${String(value).padStart(width)}  ${what[stage.language]}`),
  );
}
