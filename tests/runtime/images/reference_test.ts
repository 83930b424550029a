/**
 * Image names, as Docker understands them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import {
  canonicalName,
  familiarName,
  ImageNameError,
  parseReference,
} from "../../../runtime/images/reference.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

Deno.test("a name is completed as Docker completes it", () => {
  const cases: [typed: string, canonical: string, familiar: string][] = [
    ["alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["alpine:3.19", "docker.io/library/alpine:3.19", "alpine:3.19"],
    ["user/app", "docker.io/user/app:latest", "user/app:latest"],
    ["library/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"],
    ["index.docker.io/user/app:1", "docker.io/user/app:1", "user/app:1"],
    ["quay.io/alpine", "quay.io/alpine:latest", "quay.io/alpine:latest"],
    ["GHCR.io/user/app:V1", "ghcr.io/user/app:V1", "ghcr.io/user/app:V1"],
    ["localhost/box", "localhost/box:latest", "localhost/box:latest"],
    ["localhost:5000/box:1", "localhost:5000/box:1", "localhost:5000/box:1"],
    ["127.0.0.1:5000/a/b/c:1", "127.0.0.1:5000/a/b/c:1", "127.0.0.1:5000/a/b/c:1"],
    ["[::1]:5000/box", "[::1]:5000/box:latest", "[::1]:5000/box:latest"],
    ["host:5000/box", "host:5000/box:latest", "host:5000/box:latest"],
    ["host/box", "docker.io/host/box:latest", "host/box:latest"],
    ["my_app.x__y---z:_t", "docker.io/library/my_app.x__y---z:_t", "my_app.x__y---z:_t"],
    [`alpine@${digest}`, `docker.io/library/alpine@${digest}`, `alpine@${digest}`],
    [`alpine:1@${digest}`, `docker.io/library/alpine@${digest}`, `alpine:1@${digest}`],
    [`h.io/a@${digest}`, `h.io/a@${digest}`, `h.io/a@${digest}`],
  ];
  for (const [typed, canonical, familiar] of cases) {
    const reference = parseReference(typed);
    assertEquals(canonicalName(reference), canonical, typed);
    assertEquals(familiarName(reference), familiar, typed);
    assertEquals(parseReference(familiar), reference, `${familiar} means the same`);
    assertEquals(canonicalName(parseReference(canonical)), canonical, `${canonical} means itself`);
  }
});

Deno.test("what is not a name is refused with the rule that it breaks", () => {
  const cases: [typed: string, rule: string][] = [
    ["", "is empty"],
    ["Alpine", "has a capital"],
    ["quay.io/User/app", '"User" has a capital'],
    ["https://quay.io/app", "leave the protocol off"],
    ["a".repeat(64), "are an image ID"],
    [digest, "is an image ID"],
    ["sha256:abc", "is an image ID"],
    ["al pine", '" " is not allowed'],
    ["alpine:", '"" is not a tag'],
    ["alpine:a:b", '"a:b" is not a tag'],
    ["alpine:-x", '"-x" is not a tag'],
    [`alpine:${"x".repeat(129)}`, "at most 128"],
    ["alpine@sha256:12", "after the @ comes a digest"],
    ["alpine@md5:0123", "after the @ comes a digest"],
    [`alpine@${digest.toUpperCase()}`, "after the @ comes a digest"],
    [`alpine@${digest}@${digest}`, "more than one @"],
    ["quay.io/", "the path is missing"],
    ["quay.io//app", "a part of the path is empty"],
    ["app/", "a part of the path is empty"],
    ["/app", "a part of the path is empty"],
    ["a/../b", "begins and ends with a letter or digit"],
    ["quay.io/../../etc", "begins and ends with a letter or digit"],
    ["../app", '".." is not a host'],
    ["-app", "begins and ends with a letter or digit"],
    ["app-", "begins and ends with a letter or digit"],
    ["a..b", "begins and ends with a letter or digit"],
    ["a___b", "begins and ends with a letter or digit"],
    ["quay.io:port/app", '"quay.io:port" is not a host'],
    ["quay.io:70000/app", '"quay.io:70000" is not a host'],
    ["-x.io/app", '"-x.io" is not a host'],
    ["user@host/app", "after the @ comes a digest"],
    ["café", '"é" is not allowed'],
    ["a\u001b[2J", '"\\u001b" is not allowed'],
    [`quay.io/${"a".repeat(256)}`, "255 are allowed"],
  ];
  for (const [typed, rule] of cases) {
    const error = assertThrows(() => parseReference(typed), ImageNameError, undefined, typed);
    assertStringIncludes(error.message, rule);
    assertStringIncludes(error.message, JSON.stringify(typed));
  }
});
