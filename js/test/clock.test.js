import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { StreamClock } from "../src/lib/clock.js";

const cases = JSON.parse(readFileSync(new URL("../../tests/data/clocks.json", import.meta.url), "utf8"));

for (const { name, trips, zero, uncertainty } of cases) {
  test(`the page's clock, as the kernel's: ${name}`, () => {
    const clock = new StreamClock();
    for (const [asked, at, answered] of trips) clock.take({ asked, at, answered });
    assert.deepEqual([clock.zero, clock.uncertainty], [zero, uncertainty]);
  });
}
