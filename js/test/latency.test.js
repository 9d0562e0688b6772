import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { QUANTILES, bursts, fine, many, quantile } from "../src/latency/gaps.js";
import { Track } from "../src/latency/track.js";

/** @import { Quantile } from "../src/latency/gaps.js" */

/** The same cases are held against the Python side. */
const CASES = JSON.parse(readFileSync(new URL("../../tests/data/breakdown.json", import.meta.url), "utf8"));

for (const { name, events, until, spans, notes, gaps, line } of CASES) {
  test(`a breakdown: ${name}`, () => {
    const track = new Track();
    track.take(events);
    assert.deepEqual(track.breakdown.spans(until ?? 0).map(({ phase, start, end }) => [phase, start, end]), spans);
    assert.deepEqual(track.breakdown.notes, notes);
    const times = track.gaps.times(true);
    const quantiles = /** @type {Quantile[]} */ (Object.keys(QUANTILES)).map((name) => [name, quantile(times, name)]);
    assert.deepEqual(Object.fromEntries(quantiles), { p50: gaps.p50, p95: gaps.p95, p99: gaps.p99 });
    assert.deepEqual(track.gaps.long.map(({ start, length }) => [start, length]), gaps.long);
    assert.deepEqual([...track.gaps.histogram].flatMap((n, i) => (n ? [[i, n]] : [])), gaps.histogram);
    const words = quantiles.map(([name, us]) => `${name} ${fine(/** @type {number | null} */ (us))}`).join(" · ");
    assert.equal(`${words} (n = ${many(times.length, "gap")}) · ${bursts(track.gaps)}`, line);
  });
}
