/**
 * Health checks of images, which strangers have made.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { healthCheckOf } from "../../runtime/health_check.ts";
import type { ImageConfig, ImageHealthcheck } from "../../runtime/image_config/image.ts";
import { checkedDefaults } from "../../runtime/image_config/checked.ts";
import { ImageConfigError } from "../../runtime/image_config/process.ts";
import type { StoredRequest } from "../../runtime/records.ts";

Deno.test("a check that is none makes an image that is none", () => {
  const wrong: [unknown, string][] = [
    [{ Test: 5 }, "config.Healthcheck.Test"],
    [{ Test: ["CMD", 5] }, "config.Healthcheck.Test[1]"],
    [{ Test: ["NONE"], Interval: -1 }, "config.Healthcheck.Interval"],
    [{ Timeout: "1s" }, "config.Healthcheck.Timeout"],
    [{ Retries: 0.5 }, "config.Healthcheck.Retries"],
    ["true", "config.Healthcheck"],
  ];
  for (const [Healthcheck, path] of wrong) {
    const config = { Healthcheck } as ImageConfig["config"];
    assertThrows(() => checkedDefaults(config), ImageConfigError, `${path}:`);
  }
  const shell = { Shell: "sh" } as unknown as ImageConfig["config"];
  assertThrows(() => checkedDefaults(shell), ImageConfigError, "config.Shell:");
  checkedDefaults({ Healthcheck: { Test: null, Interval: 30_000_000_000 }, Shell: null });
});

Deno.test("a check that may take longer than a timer can wait is not ended at once", () => {
  const Healthcheck: ImageHealthcheck = { Test: ["CMD", "true"], Timeout: 2 ** 63 };
  const from = { config: { config: { Healthcheck } } } as StoredRequest["from"];
  assertEquals(healthCheckOf({ from })?.timeout, 2 ** 31 - 1);
});
