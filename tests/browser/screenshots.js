// Pictures of the workbench for docs/images, from the demo's data.
//   node screenshots.js            all of them
//   node screenshots.js live shop  some
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
const last = life.at(-1)?.number ?? log.length;
/** An event's number as a moment. @param {number} number */
const moment = (number) => encodeURIComponent(`#${number}`);
/** Where the data is: some views tell. */
const data = join(tmpdir(), 'retrace-demo');

/** @typedef {{retrace: Retrace, remove: () => Promise<void>}} Running */

/** @param {() => Promise<Retrace>} start @returns {() => Promise<Running>} */
const alone = (start) => async () => {
  const retrace = await start();
  return { retrace, remove: () => retrace.remove() };
};

/** A log that stays as it is, so that pictures do too. */
const demo = alone(() => Retrace.up({ data, history: fixture(DEMO) }));

/** A shop on its first day. */
const empty = alone(() => Retrace.up({ data }));

/**
 * Fills the shelves if nobody has, and orders something.
 * @param {Retrace} _retrace
 * @param {import('playwright-core').Page} page
 */
async function buy(_retrace, page) {
  const press = (/** @type {string} */ name) => page.getByRole('button', { name, exact: true }).click();
  const fill = page.getByRole('button', { name: 'Fill the shelves' });
  if (await fill.count()) await fill.click();
  await press('Add Notebook to the cart');
  await page.locator('.cart tfoot').waitFor();
  await press('Add Fountain pen to the cart');
  await page.locator('.cart tfoot', { hasText: '2 products' }).waitFor();
  await press('Order');
  await page.locator('.steps li.done', { hasText: 'IN_STOCK' }).waitFor();
  await press('Pay');
  await page.locator('.steps li.done', { hasText: 'SHIPPED' }).waitFor();
}

/** One that goes on. */
const open = alone(() => Retrace.up({ data, history: fixture(DEMO) }));

/** What another program wrote, once today's sagas have been held against it. */
const replayed = alone(async () => {
  const retrace = await Retrace.up({ data, history: fixture('ordershop-v2-busy') });
  await retrace.post('/api/v1/replays', {});
  await until('the replay has ended', async () => (await retrace.get('/api/v1/replays')).last);
  return retrace;
});

/** Read models that have been made anew, and proven. */
const rebuilt = alone(async () => {
  const retrace = await Retrace.up({ data, history: fixture(DEMO) });
  await retrace.post('/api/v1/rebuilds', {});
  await until('the rebuild has ended', async () => (await retrace.get('/api/v1/rebuilds')).last);
  await retrace.post('/api/v1/audits', {});
  await until('the audit has ended', async () => (await retrace.get('/api/v1/audits')).last);
  return retrace;
});

/**
 * Each view: where it is, over which data, and what happens while it is open.
 * @type {Record<string, [string, () => Promise<Running>, ((retrace: Retrace, page: import('playwright-core').Page) => Promise<void>)?]>}
 */
const VIEWS = {
  live: ['#/live', open, (retrace) => retrace.demo('6s')],
  state: [`#/state/order?at=${moment(last)}`, demo],
  entity: [`#/state/order/${order}?at=${moment(last)}`, demo],
  diff: [`#/diff?from=${moment(last - 30)}&to=${moment(last)}`, demo],
  history: [`#/history/order/${order}`, demo],
  trace: [`#/trace/${life[0]?.id}`, demo],
  projections: ['#/projections', rebuilt],
  replay: ['#/replay', replayed],
  queues: ['#/queues/order-service', busyShop],
  shop: ['#/page/shop', empty, buy],
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
 * @param {Retrace} retrace
 */
async function take(browser, view, retrace) {
  const [address, , meanwhile] = VIEWS[view] ?? [];
  const { base } = retrace;
  for (const [colorScheme, width] of LOOKS) {
    const made = await context(browser, { colorScheme, viewport: width === 'wide' ? WIDE : NARROW });
    const watch = await Watch.over(made, base);
    const page = await made.newPage();
    await page.goto(`${base}/${address}`);
    await settled(page);
    await meanwhile?.(retrace, page);
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
  for (const made of new Set(wanted.map((view) => VIEWS[view]?.[1]))) {
    const running = await made?.();
    if (!running) continue;
    try {
      for (const view of wanted.filter((view) => VIEWS[view]?.[1] === made)) await take(browser, view, running.retrace);
    } finally {
      await running.remove();
    }
  }
} finally {
  await browser.close();
}
