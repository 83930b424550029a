/**
 * Events as differences between two looks: values against values.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { between, type Look } from "../../runtime/events.ts";

const CREATED = Date.parse("2026-01-01T00:00:00Z");
const NOW = CREATED + 100_000;

function looked(more: Partial<Look> = {}, name = "web"): Map<string, Look> {
  const record = { id: "1", name, image: "local", created: new Date(CREATED).toISOString() };
  const look = { id: "1", state: "running", record, ...more } as Look;
  return new Map([["1", look]]);
}

const first = { process: { pid: 7, start: 70 }, started: CREATED + 1000 };
const second = { process: { pid: 8, start: 80 }, started: CREATED + 5000 };

function run(code: number, from: number, to: number, isOutOfMemory = false): Look["status"] {
  return {
    exit: { code, isOutOfMemory },
    started: new Date(CREATED + from),
    ended: new Date(CREATED + to),
    owner: { pid: 6, start: 60 },
  };
}

function happened(before: Map<string, Look>, after: Map<string, Look>): string[] {
  return between(before, after, NOW).map(({ time, action, attributes: { exitCode, oldName } }) =>
    [action, (time - CREATED) / 1000, exitCode, oldName].filter((part) => part !== undefined)
      .join(" ")
  );
}

const none = new Map<string, Look>();

Deno.test("a container that was not there was created, and what it has done since is told", () => {
  assertEquals(happened(none, looked({ state: "created" })), ["create 0"]);
  assertEquals(happened(none, looked(first)), ["create 0", "start 1"]);
  const ended = looked({ state: "exited", status: run(3, 1000, 2000) });
  assertEquals(happened(none, ended), ["create 0", "start 1", "die 2 3"]);
  assertEquals(happened(looked(), looked()), []);
});

Deno.test("an end has its exit code, and the kernel's reason", () => {
  const oom = looked({ state: "exited", status: run(137, 1000, 2000, true) });
  assertEquals(happened(looked(first), oom), ["oom 2", "die 2 137"]);
  assertEquals(happened(looked(first), none), ["die 100", "destroy 100"]);
});

Deno.test("a container that was started again between two looks has ended before", () => {
  const again = looked({ ...second, status: run(0, 1000, 4000) });
  assertEquals(happened(looked(first), again), ["die 4 0", "start 5"]);
  const twice = looked({ ...second, status: run(1, 3000, 4000) });
  const exited = looked({ state: "exited", status: run(0, 1000, 2000) });
  assertEquals(happened(exited, twice), ["start 3", "die 4 1", "start 5"]);
});

Deno.test("pause, health and names are told when they change", () => {
  const paused = looked({ ...first, state: "paused" });
  assertEquals(happened(looked(first), paused), ["pause 100"]);
  assertEquals(happened(paused, looked(first)), ["unpause 100"]);
  assertEquals(happened(paused, paused), []);
  const healthy = looked({ ...first, health: "healthy" });
  assertEquals(happened(looked({ ...first, health: "starting" }), healthy), [
    "health_status: healthy 100",
  ]);
  assertEquals(happened(looked(first), looked(first, "new")), ["rename 100 web"]);
});
