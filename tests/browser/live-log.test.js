// The list of events against the log: all of it can be gone through, and whatever happens to the gateway, none is
// missing in it and none is there twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { fixture } from './support/retrace.js';
import { until } from './support/until.js';
import { workbench } from './support/workbench.js';

/** @typedef {import('playwright-core').Page} Page */

const bench = workbench({ history: fixture('ordershop-demo') });

/**
 * The view, once it shows events.
 * @param {import('node:test').TestContext} t
 * @param {import('./support/browser.js').Look} [look]
 */
async function view(t, look) {
  const { page, watch } = await bench.open(t, '/#/live', look);
  await page.locator('.connection.live').waitFor();
  await page.locator('.events .line').first().waitFor();
  return { page, watch };
}

/** The numbers of the events in the page, from the top. @param {Page} page @returns {Promise<number[]>} */
async function numbers(page) {
  const rows = await page.locator('.events .line').evaluateAll((lines) =>
    lines.map((line) => ({
      row: Number(line.getAttribute('aria-posinset')),
      number: Number(line.querySelector('.number')?.textContent?.replace(/\D/g, '')),
    })),
  );
  return rows.sort((one, other) => one.row - other.row).map(({ number }) => number);
}

/** The numbers of the log's last events that pass a filter, latest first. @param {string} [filter] @returns {Promise<number[]>} */
async function logged(filter = '') {
  const { events } = await bench.retrace.get(`/api/v1/log?limit=1000${filter}`);
  return events.map((/** @type {{number: number}} */ event) => event.number).reverse();
}

/** Has a customer of this name, and gives the id. @param {string} name */
async function customer(name) {
  const [id] = await bench.retrace.post('/customer', { name, email: 'somebody@shop.example' });
  return String(id);
}

/** The top of the list is the end of the log. @param {Page} page @param {string} [filter] */
async function upToDate(page, filter) {
  const matches = async () => {
    const [shown, all] = [await numbers(page), await logged(filter)];
    return shown.length > 0 && JSON.stringify(shown) === JSON.stringify(all.slice(0, shown.length));
  };
  await until(`the list shows the end of the log${filter ?? ''}`, matches);
}

test('the list is the end of the log, and stays it', async (t) => {
  const { page } = await view(t);
  await upToDate(page);
  for (const name of ['Ann', 'Ben', 'Cem']) await customer(name);
  await until('somebody was welcomed', async () => (await logged('&text=Cem')).length >= 2);
  await upToDate(page);
});

/** Which row is chosen, once all rows in sight are in the page. @param {Page} page */
function drawn(page) {
  return until('what is in sight is drawn', () =>
    page.locator('.events').evaluate((list) => {
      const rows = [...list.querySelectorAll('.line')].map((line) => Number(line.getAttribute('aria-posinset')));
      const chosen = Number(list.querySelector('[aria-selected=true]')?.getAttribute('aria-posinset') ?? 0);
      const height = list.querySelector('.line')?.clientHeight ?? 1;
      const end = Math.min(list.scrollTop + list.clientHeight, list.querySelector('.all')?.clientHeight ?? 0);
      const isCovered = (Math.min(...rows) - 1) * height <= list.scrollTop && Math.max(...rows) * height >= end;
      return isCovered && { chosen };
    }),
  );
}

test('the whole log can be gone through, and only what is in sight is in the page', async (t) => {
  const { page } = await view(t);
  const all = await logged();
  /** @type {Set<number>} */
  const met = new Set();
  let most = 0;
  let chosen = -1;
  await page.locator('.events').focus();
  const round = async () => {
    const before = chosen;
    ({ chosen } = await drawn(page));
    const shown = await numbers(page);
    shown.forEach((number) => met.add(number));
    most = Math.max(most, shown.length);
    await page.keyboard.press('PageDown');
    return chosen === before && shown.includes(1);
  };
  await until('the beginning of the log is reached', round, 60_000);
  assert.deepEqual([...met].sort((one, other) => other - one), all);
  assert.ok(most < 80, `${most} rows in the page`);
});

test('everybody can read what is told of a chosen event', async (t) => {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const { page } = await view(t, { colorScheme });
    await page.locator('.events').focus();
    await page.keyboard.press('ArrowDown');
    const chosen = page.getByRole('region', { name: 'Chosen event' });
    await chosen.waitFor();
    assert.deepEqual(await serious(page), []);
    await chosen.getByRole('button', { name: 'Close' }).click();
    await chosen.waitFor({ state: 'detached' });
  }
});

test('the gateway goes and comes, and the list has neither gaps nor doubles', async (t) => {
  const { page, watch } = await view(t);
  watch.excuseAway();
  await bench.retrace.kill();
  await page.locator('.connection.lost').waitFor();
  await bench.retrace.start();
  for (let count = 0; count < 30; count += 1) await customer(`Back again ${count}`);
  await page.locator('.connection.live').waitFor();
  await upToDate(page);
});
