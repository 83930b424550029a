/**
 * Tables, sizes and ages on the screen.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { formatAge, formatSize } from "../../cli/amounts.ts";
import { fitsWhole, formatTable } from "../../cli/table.ts";

const ROWS = [
  ["NAME", "ID", "SIZE"],
  ["alpine", "9824c27679d3", "3.42MB"],
  ["127.0.0.1:5000/a/long/name", "1", "1B"],
];

Deno.test("columns are as wide as their widest cell", () => {
  assertEquals(
    formatTable(ROWS),
    `\
NAME                         ID             SIZE
alpine                       9824c27679d3   3.42MB
127.0.0.1:5000/a/long/name   1              1B
`,
  );
});

Deno.test("on a narrow screen the widest column gives", () => {
  assertEquals(
    formatTable(ROWS, 40),
    `\
NAME               ID             SIZE
alpine             9824c27679d3   3.42MB
127.0.0.1:5000/…   1              1B
`,
  );
  // There is a limit to what can be read.
  assertEquals(
    formatTable(ROWS, 5),
    `\
NAME      ID        SIZE
alpine    9824c27…  3.42MB
127.0.0…  1         1B
`,
  );
});

Deno.test("columns that are said to give first, give all that they can before another does", () => {
  const rows = [["ID", "WHAT IT TAKES"], ["0123456789ab", "12.34MiB / 23.54GiB"]];
  assertEquals(
    formatTable(rows, 30, [0]),
    "ID         WHAT IT TAKES\n0123456…   12.34MiB / 23.54GiB\n",
  );
  assertEquals(fitsWhole(rows, 29, [0]), true);
  assertEquals(fitsWhole(rows, 28, [0]), false);
  assertEquals(
    formatTable(rows, 28, [0]),
    "ID        WHAT IT TAKES\n0123456…  12.34MiB / 23.54G…\n",
  );
});

Deno.test("sizes have three digits", () => {
  const sizes = {
    "0B": 0,
    "1B": 1,
    "999B": 999,
    "1kB": 1000,
    "1.23kB": 1234,
    "12.3kB": 12_345,
    "123kB": 123_456,
    "1MB": 999_600,
    "7.8MB": 7_800_000,
    "1.24GB": 1_236_000_000,
    "5000TB": 5e15,
  };
  for (const [text, bytes] of Object.entries(sizes)) assertEquals(formatSize(bytes), text);
});

Deno.test("ages are told in the unit that fits", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  const ages = {
    "2026-03-01T11:59:59Z": "1 second ago",
    "2026-03-01T11:59:01Z": "59 seconds ago",
    "2026-03-01T11:59:00Z": "1 minute ago",
    "2026-03-01T11:00:00Z": "1 hour ago",
    "2026-02-27T12:00:01Z": "47 hours ago",
    "2026-02-27T12:00:00Z": "2 days ago",
    "2026-02-15T12:00:00Z": "2 weeks ago",
    "2026-01-01T12:00:00Z": "8 weeks ago",
    "2025-12-01T12:00:00Z": "3 months ago",
    "2024-01-01T12:00:00Z": "2 years ago",
    "2026-03-02T12:00:00Z": "0 seconds ago",
    "not a date": "",
  };
  for (const [date, age] of Object.entries(ages)) assertEquals(formatAge(date, now), age);
  assertEquals(formatAge(undefined), "");
});
