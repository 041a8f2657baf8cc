// The workbench over a log of a million events: how soon it is there, how soon the slider answers, and how much memory
// a tab takes that has followed the log for minutes. The bounds are those that the workbench promises.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as later } from 'node:timers/promises';
import { context, launch, Watch } from '../support/browser.js';
import { write } from '../support/million.js';
import { binary, Retrace } from '../support/retrace.js';
import { until } from '../support/until.js';

const EVENTS = 1_000_000;
/** Seconds that the log is followed, and events a second meanwhile. */
const [FOLLOWED, RATE] = [Number(process.env.RETRACE_TEST_FOLLOW ?? 300), 500];
/** Promised: milliseconds to the first paint and to the next step of the slider, bytes of a tab. */
const [PAINT, STEP, MEMORY] = [1_000, 100, 300e6];

/** How long reading in, indexing and the like may take, milliseconds. */
const LONG = 600_000;

/** @type {Retrace} */
let retrace;
/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'retrace-million-'));
  const history = join(folder, 'million.jsonl');
  await write(history, EVENTS);
  [retrace, browser] = await Promise.all([Retrace.up({ history }), launch()]);
  await rm(folder, { recursive: true });
  // What is measured is the workbench, not its first minute: the timeline is as far as the log is, and services and
  // sagas, which read all of it as they start, have come to rest.
  const isThere = async () => (await retrace.get('/api/v1/status')).timeline.lag === 0;
  await until('the timeline has come to the head', isThere, LONG);
  const isAtRest = async () => {
    const before = await retrace.worked();
    await later(1_000);
    return (await retrace.worked()) - before < 0.1;
  };
  await until('the process has come to rest', isAtRest, LONG);
}, { timeout: LONG });

after(async () => {
  await browser?.close();
  await retrace?.remove();
});

/** @param {import('node:test').TestContext} t @param {string} address */
async function open(t, address) {
  const made = await context(browser);
  const watch = await Watch.over(made, retrace.base);
  t.after(async () => {
    await made.close();
    watch.nothingWrong();
  });
  const page = await made.newPage();
  await page.goto(`${retrace.base}/${address}`);
  return page;
}

/** @param {number[]} figures */
function spread(figures) {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { median: at(0.5), p95: at(0.95), most: at(1) };
}

for (const [address, there] of [['#/live', '.events .line'], ['#/state/order', 'tbody.page tr']]) {
  test(`the first paint of ${address}`, async (t) => {
    const page = await open(t, address ?? '');
    await page.locator(there ?? '').first().waitFor();
    const [paint, data] = await page.evaluate(() => [
      performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity,
      performance.now(),
    ]);
    t.diagnostic(`first paint after ${paint.toFixed(0)} ms, data on the screen within ${data.toFixed(0)} ms`);
    assert.ok(paint < PAINT, `${paint} ms`);
  });
}

test('a step of the slider', async (t) => {
  const page = await open(t, '#/state/order?at=%23400000');
  await page.locator('tbody.page tr').first().waitFor();
  await page.getByRole('slider', { name: 'Moment' }).focus();
  /** From the key, or the slider moved, to the page that shows it; told by the position that it says. */
  const steps = (/** @type {'step' | 'jump'} */ kind, /** @type {number} */ times) =>
    page.evaluate(
      async ([kind, times]) => {
        const slider = /** @type {HTMLInputElement} */ (document.querySelector('input[type=range]'));
        const position = () => document.querySelector('.moment .label code')?.textContent;
        const took = [];
        for (let round = 0; round < Number(times); round += 1) {
          const was = position();
          const began = performance.now();
          if (kind === 'step') {
            slider.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }));
          } else {
            slider.value = String(1 + ((round * 617_231) % 999_999));
            slider.dispatchEvent(new Event('input', { bubbles: true }));
          }
          while (position() === was) await new Promise(requestAnimationFrame);
          took.push(performance.now() - began);
        }
        return took;
      },
      [kind, times],
    );
  const [step, jump] = [spread(await steps('step', 60)), spread(await steps('jump', 60))];
  for (const [kind, { median, p95, most }] of Object.entries({ step, jump })) {
    t.diagnostic(`${kind}: median ${median.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, most ${most.toFixed(0)} ms`);
  }
  assert.ok(step.p95 < STEP, `step: p95 ${step.p95} ms`);
  assert.ok(jump.p95 < STEP, `jump: p95 ${jump.p95} ms`);
});

/** Bytes that only the process of a page has, its scripts, its pictures and all. @param {import('playwright-core').Page} page */
async function memory(page) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  const sizes = await Promise.all(
    renderers.map(async (id) => {
      const rollup = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
      return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
    }),
  );
  await session.detach();
  const heap = await page.evaluate(() => /** @type {any} */ (performance).memory.usedJSHeapSize);
  return { tab: Math.max(...sizes), heap };
}

test(`the memory of a tab that follows ${RATE} events a second`, { timeout: LONG + FOLLOWED * 1_000 }, async (t) => {
  const page = await open(t, '#/live');
  await page.locator('.events .line').first().waitFor();
  const from = (await retrace.get('/api/v1/status')).head.number;
  // A request makes between two and three events.
  const args = ['demo', '--url', retrace.base, '--rate', String(RATE / 2), '--shoppers', '32', '--for', `${FOLLOWED}s`, '--seed', '6'];
  const demo = spawn(binary, args, { stdio: 'ignore' });
  const ended = once(demo, 'exit');
  await ended;
  const to = (await retrace.get('/api/v1/status')).head.number;
  const newest = async () => Number((await page.locator('.line .number').first().textContent())?.replaceAll(',', ''));
  await until('the tab has kept up', async () => (await newest()) > to - 20);
  const { tab, heap } = await memory(page);
  const rate = (to - from) / FOLLOWED;
  t.diagnostic(`${rate.toFixed(0)} events/s for ${FOLLOWED} s: tab ${(tab / 1e6).toFixed(0)} MB, scripts ${(heap / 1e6).toFixed(0)} MB`);
  assert.ok(rate > RATE * 0.8, `only ${rate} events/s`);
  assert.ok(tab < MEMORY, `${tab} bytes`);
});
