/**
 * `run`'s command line: what it is without flags, and the flags that are read first.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertRejects } from "@std/assert/rejects";
import { RUN_FLAGS, RUN_HIDDEN } from "../../cli/flags/run_table.ts";
import { HelpWanted, UsageError } from "../../cli/flags/grammar.ts";
import { parseRunFlags } from "../../cli/run_flags.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { changes, options, refusal } from "./run_flags.ts";

Deno.test("without flags", async () => {
  assertEquals(await parseRunFlags(["alpine", "sh", "-c", "ls --help"]), {
    image: "alpine",
    command: ["sh", "-c", "ls --help"],
    name: undefined,
    groups: [],
    extraHosts: [],
    labels: {},
    interactive: undefined,
    terminal: undefined,
    rm: undefined,
    detach: false,
    pull: "missing",
    platform: undefined,
    quiet: false,
    explain: undefined,
    trace: false,
    swapIsDefault: false,
    volumes: [],
    makeDirectories: [],
    options: {},
  });
});

Deno.test("an image is needed, and help is not an image", async () => {
  const error = await assertRejects(() => parseRunFlags(["--rm"]), UsageError);
  assertEquals(error.message, "run needs an image, as in: run local sh");
  await assertRejects(() => parseRunFlags(["--help"]), HelpWanted);
});

Deno.test("switches", async () => {
  assertEquals(await changes("-i", "--rm", "-q"), { interactive: true, rm: true, quiet: true });
  assertEquals(await changes("-d", "--rm=0"), { detach: true, rm: false });
  assertEquals(await changes("-i=false"), { interactive: false });
  assertEquals(await changes("-t"), { terminal: true });
  assertEquals(await changes("-t=false"), { terminal: false });
  assertEquals(await changes("--trace"), { trace: true });
  assertEquals(await changes("--explain"), { explain: "text" });
  assertEquals(await changes("--explain=json"), { explain: "json" });
  assertEquals(await refusal("--explain=xml"), '--explain: "xml" is not text or json');
  assertEquals(
    await refusal("--explain", "--trace"),
    "--explain starts nothing that --trace could show: give one of them",
  );
});

Deno.test("--restart, --stop-timeout, --cidfile", async () => {
  assertEquals(await changes("--stop-timeout", "3", "--cidfile", "id"), {
    stopTimeout: 3,
    cidfile: "id",
  });
  const policies: Record<string, { name: string; limit: number } | undefined> = {
    "no": undefined,
    "always": { name: "always", limit: 0 },
    "unless-stopped": { name: "unless-stopped", limit: 0 },
    "on-failure": { name: "on-failure", limit: 0 },
    "on-failure:5": { name: "on-failure", limit: 5 },
  };
  for (const [text, restart] of Object.entries(policies)) {
    assertEquals((await changes("-d", "--restart", text)).restart, restart, text);
  }
  const refusals: Record<string, RegExp> = {
    "sometimes": /^--restart: "sometimes" is not no, on-failure\[:TIMES\], always or unless-/,
    "always:3": /^--restart: "always:3" has a number of times, which on-failure alone can have$/,
    "on-failure:x": /^--restart: "x" is not a whole number/,
  };
  for (const [text, message] of Object.entries(refusals)) {
    assertMatch(await refusal("-d", "--restart", text), message);
  }
  assertMatch(await refusal("-d", "--rm", "--restart=always"), /^--rm removes what --restart/);
});

Deno.test("--health-cmd and its like", async () => {
  const all = ["--health-cmd", "test -e /ok", "--health-retries", "2", "--health-timeout=500ms"];
  const { health } = await changes(...all, "--health-interval=1m30s", "--health-start-period=0");
  assertEquals(health, {
    isOff: undefined,
    command: "test -e /ok",
    interval: 90_000,
    timeout: 500,
    retries: 2,
    startPeriod: 0,
    startInterval: undefined,
  });
  assertEquals((await changes("--no-healthcheck")).health?.isOff, true);
  assertMatch(await refusal("--no-healthcheck", "--health-cmd", "true"), /^--no-healthcheck says/);
  assertMatch(
    await refusal("--health-interval", "soon"),
    /is not a span of time, as 30s or 1m30s$/,
  );
});

Deno.test("--name, by Docker's rule", async () => {
  assertEquals(await changes("--name", "web_1.a-b"), { name: "web_1.a-b" });
  const rule = "is not a name: two or more letters, digits, _ . and -, a letter or digit first";
  for (const name of ["", "a", "-web", "we b", "we/b"]) {
    assertEquals(await refusal(`--name=${name}`), `--name: ${JSON.stringify(name)} ${rule}`);
  }
});

Deno.test("--pull and --platform", async () => {
  assertEquals(await changes("--pull", "always"), { pull: "always" });
  assertEquals(await changes("--pull=never"), { pull: "never" });
  assertEquals(await refusal("--pull", "no"), '--pull: "no" is not missing, always or never');
  const platform = { os: "linux", architecture: "arm64", variant: "v8" };
  assertEquals(await changes("--platform", "linux/arm64/v8"), { platform });
  assertEquals(
    await refusal("--platform", "windows/amd64"),
    '--platform: platform "windows/amd64" is not linux/ARCHITECTURE[/VARIANT], as linux/arm64',
  );
});

Deno.test("--rootfs takes the place of the image", async () => {
  await using root = await tempRoot();
  const { image, rootfs, command } = await parseRunFlags(["--rootfs", root.path, "sh", "-c", "id"]);
  assertEquals({ image, rootfs, command }, {
    image: undefined,
    rootfs: root.path,
    command: ["sh", "-c", "id"],
  });
  const there = Deno.cwd();
  assertEquals((await parseRunFlags(["--rootfs", "."])).rootfs, there);
  assertEquals(await refusal("--rootfs", "/no/where"), '--rootfs: "/no/where" is not there');
  assertEquals(await refusal("--rootfs", "/dev/null"), '--rootfs: "/dev/null" is not a directory');
});

Deno.test("what runs", async () => {
  assertEquals(await options("-w", "/a//b/"), { workdir: "/a/b" });
  assertEquals(await refusal("-w", "a"), '--workdir: "a" is not an absolute path');
  assertEquals(await changes("-u", "web:1000"), { user: "web:1000" });
  assertEquals(await changes("--group-add", "disk", "--group-add=5"), { groups: ["disk", "5"] });
  assertEquals(await options("--entrypoint", "ls"), { entrypoint: ["ls"] });
  assertEquals(await options("--entrypoint="), { entrypoint: [] });
  for (const [typed, stopSignal] of Object.entries(SIGNALS)) {
    assertEquals(await options("--stop-signal", typed), { stopSignal });
  }
  for (const wrong of ["SIGFOO", "0", "65", "RTMAX-20", "-1", "constructor"]) {
    assertEquals(
      await refusal("--stop-signal", wrong),
      `--stop-signal: "${wrong}" is not a signal; write SIGTERM, TERM or 15`,
    );
  }
});

const SIGNALS = { term: "SIGTERM", SIGQUIT: "SIGQUIT", "9": "9", "rtmin+3": "SIGRTMIN+3" };

Deno.test("--init finds an init, or says what to install", async () => {
  const inits = ["/usr/bin/docker-init", "/usr/bin/catatonit", "/usr/bin/tini-static"];
  const found = [];
  for (const path of inits) {
    if (await Deno.stat(path).catch(() => undefined)) found.push(path);
  }
  if (found.length > 0) return assertEquals(await options("--init"), { init: found[0] });
  assertEquals(
    await refusal("--init"),
    "--init: no init is installed: get catatonit or tini (on Debian: apt install catatonit)",
  );
});

Deno.test("the environment: files first, then what is typed", async () => {
  await using root = await tempRoot();
  const file = `${root.path}/env`;
  await Deno.writeTextFile(file, "# a comment\n\n  A=1\nB= two words \nTIFFIN_TEST_HOST\nNONE\r\n");
  Deno.env.set("TIFFIN_TEST_HOST", "from here");
  try {
    assertEquals(await options("--env-file", file, "-e", "A=2", "-eC=a=b"), {
      env: ["A=1", "B= two words ", "TIFFIN_TEST_HOST=from here", "A=2", "C=a=b"],
    });
    // A name alone takes the caller's value; without one, it takes the image's away.
    assertEquals(await options("-e", "TIFFIN_TEST_HOST", "-e", "NONE", "-e", "EMPTY="), {
      env: ["TIFFIN_TEST_HOST=from here", "NONE", "EMPTY="],
    });
  } finally {
    Deno.env.delete("TIFFIN_TEST_HOST");
  }
  assertEquals(await refusal("-e", "=x"), '--env: "=x" has no name before the =');
  await Deno.writeTextFile(file, "A=1\nB C=2\n");
  assertEquals(
    await refusal("--env-file", file),
    `--env-file: ${file}, line 2: the name "B C" has a space in it before the =`,
  );
  assertEquals(await refusal("--env-file", "/no"), '--env-file: "/no" is not there');
  assertEquals(await refusal("--env-file", "/"), '--env-file: "/" is a directory');
});

Deno.test("labels and annotations", async () => {
  await using root = await tempRoot();
  const file = `${root.path}/labels`;
  await Deno.writeTextFile(file, "one=1\ntwo\n");
  assertEquals(await changes("--label-file", file, "-l", "one=2", "-l", "three"), {
    labels: { one: "2", two: "", three: "" },
  });
  assertEquals(await refusal("-l", "=x"), '--label: "=x" has no name before the =');
  assertEquals(await options("--annotation", "a.b=c=d"), { annotations: { "a.b": "c=d" } });
  assertEquals(await refusal("--annotation", "a"), '--annotation: "a" is not KEY=VALUE');
});

Deno.test("flags of Docker's that are not there say why", async () => {
  assertEquals(
    await refusal("-a", "stdout"),
    "-a: without -d, all three streams are attached until it ends",
  );
  for (const name of Object.keys(RUN_HIDDEN)) {
    assertEquals(name in RUN_FLAGS, false, name);
    if ("refused" in RUN_HIDDEN[name]) {
      assertEquals(await refusal(`--${name}=x`), `--${name}: ${RUN_HIDDEN[name].refused}`);
    }
  }
});
