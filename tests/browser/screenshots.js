// Pictures of the workbench for docs/images, from the demo's data.
//   node screenshots.js            all of them
//   node screenshots.js live shop  some
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { context, launch, NARROW, Watch, WIDE } from './support/browser.js';
import { small } from './support/png.js';
import { busyShop } from './support/queues.js';
import { fixture, Retrace } from './support/retrace.js';
import { entries, longestOrder } from './support/story.js';
import { until } from './support/until.js';
import { settled } from './support/workbench.js';

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const DEMO = 'ordershop-demo';
const log = await entries(DEMO);
const { id: order, events: life } = longestOrder(log);
const paid = life.find(({ data }) => data.status === 'CLEARED') ?? life[0];
const at = encodeURIComponent(`#${paid?.number}`);

/** A log that stays as it is, so that pictures do too. */
const demo = () => Retrace.up({ history: fixture(DEMO) });

/** What another program wrote, once today's sagas have been held against it. */
async function replayed() {
  const retrace = await Retrace.up({ history: fixture('ordershop-v2-busy') });
  await retrace.post('/api/v1/replays', {});
  await until('the replay has ended', async () => (await retrace.get('/api/v1/replays')).last);
  return retrace;
}

/** Read models that have been made anew, and proven. */
async function rebuilt() {
  const retrace = await demo();
  await retrace.post('/api/v1/rebuilds', {});
  await until('the rebuild has ended', async () => (await retrace.get('/api/v1/rebuilds')).last);
  await retrace.post('/api/v1/audits', {});
  await until('the audit has ended', async () => (await retrace.get('/api/v1/audits')).last);
  return retrace;
}

/** @typedef {{base: string, remove: () => Promise<void>}} Running */

/** Queues that nobody empties. @returns {Promise<Running>} */
async function stuck() {
  const { retrace, remove } = await busyShop();
  return { base: retrace.base, remove };
}

/** Each view: where it is, and over which data. @type {Record<string, [string, () => Promise<Running>]>} */
const VIEWS = {
  live: ['#/live', demo],
  state: [`#/state/order?at=${at}`, demo],
  entity: [`#/state/order/${order}?at=${at}`, demo],
  diff: [`#/diff?from=${encodeURIComponent(`#${(paid?.number ?? 0) - 30}`)}&to=${at}`, demo],
  history: [`#/history/order/${order}`, demo],
  trace: [`#/trace/${life[0]?.id}`, demo],
  projections: ['#/projections', rebuilt],
  replay: ['#/replay', replayed],
  queues: ['#/queues/order-service', stuck],
  shop: ['#/page/shop', demo],
};

/** @type {['light' | 'dark', 'wide' | 'narrow'][]} */
const LOOKS = [
  ['light', 'wide'],
  ['light', 'narrow'],
  ['dark', 'wide'],
  ['dark', 'narrow'],
];

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} view
 * @param {string} address
 * @param {Running} running
 */
async function take(browser, view, address, { base }) {
  for (const [colorScheme, width] of LOOKS) {
    const made = await context(browser, { colorScheme, viewport: width === 'wide' ? WIDE : NARROW });
    const watch = await Watch.over(made, base);
    const page = await made.newPage();
    await page.goto(`${base}/${address}`);
    await settled(page);
    const path = `${folder}${view}-${colorScheme}-${width}.png`;
    const picture = small(await page.screenshot({ animations: 'disabled', caret: 'hide' }));
    await writeFile(path, picture);
    await made.close();
    watch.nothingWrong();
    console.log(`${path} ${Math.ceil(picture.length / 1024)} KiB`);
  }
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(VIEWS);
const unknown = wanted.filter((name) => !(name in VIEWS));
if (unknown.length > 0) {
  console.error(`there is no view ${unknown.join(', ')}; there are ${Object.keys(VIEWS).join(', ')}`);
  process.exit(64);
}
await mkdir(folder, { recursive: true });
const browser = await launch();
try {
  for (const made of new Set(wanted.map((name) => VIEWS[name]?.[1]))) {
    const running = await made?.();
    if (!running) continue;
    try {
      for (const name of wanted) {
        const [address, from] = VIEWS[name] ?? [];
        if (address && from === made) await take(browser, name, address, running);
      }
    } finally {
      await running.remove();
    }
  }
} finally {
  await browser.close();
}
