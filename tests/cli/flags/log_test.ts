/**
 * `--log-driver` and `--log-opt`: what they say, and what is refused.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { changes, refusal } from "../run_flags.ts";

const logOf = async (...flags: string[]) => (await changes(...flags)).log;

Deno.test("a log's limits, as Docker writes them", async () => {
  assertEquals(await logOf(), undefined);
  assertEquals(
    await logOf("--log-opt", "max-size=10m", "--log-opt", "max-file=3", "--log-driver=json-file"),
    { driver: "json-file", size: 10 * 1024 ** 2, files: 3 },
  );
  assertEquals((await logOf("--log-opt", "max-size=-1"))?.size, -1);
  assertEquals((await logOf("--log-opt=max-size=1.5kb"))?.size, 1536);
  assertEquals(await logOf("--log-driver", "none"), { driver: "none" });
});

Deno.test("what a log has not is refused by its name", async () => {
  const cases: [flags: string[], message: string][] = [
    [["--log-driver", "syslog"], '"syslog" is not there: local, or json-file'],
    [["--log-opt", "tag=web"], "it has max-size and max-file"],
    [["--log-opt", "max-size"], "is not KEY=VALUE"],
    [["--log-opt", "max-size=0"], "less than 1k"],
    [["--log-opt", "max-size=large"], "is not a size"],
    [["--log-opt", "max-file=0"], "from 1 to 100"],
    [["--log-driver", "none", "--log-opt", "max-file=2"], "give one of them"],
  ];
  for (const [flags, message] of cases) assertStringIncludes(await refusal(...flags), message);
});
