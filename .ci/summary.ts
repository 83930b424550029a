/**
 * Sum up JUnit reports of the same tests, run in several ways: `summary.ts DIRECTORY`.
 *
 * A test counts once: as failed if any run failed it, as passed if at least one run passed it, and
 * as skipped if no run could run it. Why it was skipped stands in its name, in parentheses.
 *
 * @module
 */

interface Case {
  test: string;
  state: "passed" | "failed" | "skipped";
  reason: string;
}

const [directory] = Deno.args;
const reports = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
const passed = new Set<string>();
const failed = new Set<string>();
const skipped = new Map<string, string>();

for (const report of reports) {
  const cases = parse(Deno.readTextFileSync(`${directory}/${report}`));
  const count = (state: string) => cases.filter((one) => one.state === state).length;
  const counts = ["passed", "failed", "skipped"].map((state) => `${count(state)} ${state}`);
  console.log(`${report.replace(".xml", "").replaceAll("-", " ")}: ${counts.join(", ")}`);
  for (const { test, state, reason } of cases) {
    if (state === "passed") passed.add(test);
    if (state === "failed") failed.add(test);
    if (state === "skipped") skipped.set(test, reason);
  }
  printReasons(cases.filter(({ state }) => state === "skipped").map(({ reason }) => reason));
}

for (const test of failed) {
  passed.delete(test);
  console.log(`failed: ${test}`);
}
for (const test of skipped.keys()) {
  if (passed.has(test) || failed.has(test)) skipped.delete(test);
}
if (skipped.size > 0) console.log("skipped in every run:");
printReasons([...skipped.values()]);
console.log(`${passed.size} passed, ${failed.size} failed, ${skipped.size} skipped`);
if (failed.size > 0 || passed.size === 0) Deno.exit(1);

function parse(xml: string): Case[] {
  const pattern = /<testcase name="(.*?)" classname="(.*?)"[^>]*>([^]*?)<\/testcase>/g;
  return [...xml.matchAll(pattern)].map(([, name, file, body]) => {
    const state = body.includes("<failure")
      ? "failed"
      : body.includes("<skipped")
      ? "skipped"
      : "passed";
    const [, bare, reason] = name.match(/^([^]*?)(?: \((needs .*)\))?$/)!;
    const test = state === "skipped" ? bare : name;
    return { test: unescape(`${file}: ${test}`), state, reason: unescape(reason ?? "no reason") };
  });
}

function printReasons(reasons: string[]): void {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  for (const [reason, count] of counts) console.log(`  ${String(count).padStart(4)} ${reason}`);
}

function unescape(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(\w+);/g, (whole, name) => characters[name] ?? whole);
}
