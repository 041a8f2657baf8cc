// The Queues view: what consumers have set aside, and what is done about that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { Redis } from './support/redis.js';
import { Retrace } from './support/retrace.js';
import { becomes } from './support/until.js';
import { workbench } from './support/workbench.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('../../gateway/ui/views/queues/types.js').Parked} Parked */

/** A shop whose stream of orders gets what is no order. */
async function shop() {
  const redis = await Redis.start();
  const retrace = await Retrace.up({ store: redis.url, roles: ['gateway', 'projector', 'sagas'] });
  const remove = async () => {
    await retrace.remove();
    await redis.remove();
  };
  return { retrace, redis, remove };
}

const bench = workbench(shop);

/** What is set aside, as programs are told. @returns {Promise<Parked[]>} */
const parked = async () => (await bench.retrace.get('/api/v1/parked')).entries;

/** What is shown of each entry. @param {Page} page */
const shown = (page) =>
  page.locator('.parked li').evaluateAll((all) =>
    all.map((one) => ['.what b', '.what .chip', '.of .position', '.error'].map((part) => one.querySelector(part)?.textContent?.trim() ?? '')),
  );

const told = async () => (await parked()).map(({ consumer, topic, position, reason }) => [consumer, topic, position, reason]);

/** The entry of a saga. @param {Page} page @param {string} saga */
const entry = (page, saga) => page.locator('.parked li', { hasText: `saga/${saga}` });

test('nothing is parked, until something is: then it says who, where and why', async (t) => {
  const { page } = await bench.open(t, '/#/queues');
  await becomes(() => page.locator('.parked .nothing').innerText(), 'Nothing is parked: every consumer could read and do all that came.');
  await bench.made.redis.do('XADD', 'events:order', '*', 'hello', '<b>world</b>');
  await becomes(async () => (await shown(page)).length, 5);
  const all = await shown(page);
  assert.deepEqual(all, await told());
  assert.deepEqual(
    all.map(([consumer]) => consumer),
    ['projector', 'saga/crm', 'saga/inventory', 'saga/order', 'saga/shipping'],
  );
  assert.ok(all.every(([, topic, , reason]) => topic === 'order' && reason === 'event_id is missing'));
  const [, , position] = all[0] ?? [];
  assert.match((await page.locator('.parked .when').first().getAttribute('href')) ?? '', new RegExp(`^#/state\\?at=${position}`));
  assert.equal(await page.locator('.parked li').first().getByRole('link', { name: 'Rebuild…' }).getAttribute('href'), '#/projections');
});

test('a retry is asked about, and what fails again says how often it was tried', async (t) => {
  const { page } = await bench.open(t, '/#/queues');
  await entry(page, 'crm').getByRole('button', { name: 'Retry…' }).click();
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.innerText(), /saga\/crm decides about it again, on the state as it is now/);
  assert.deepEqual((await parked()).map(({ retry, attempts }) => [retry, attempts]), Array(5).fill([false, 1]));
  await dialog.getByRole('button', { name: 'Retry', exact: true }).click();
  await becomes(() => entry(page, 'crm').locator('.badge.warn').innerText(), '2 attempts');
  assert.equal(await entry(page, 'order').locator('.badge').count(), 0);
});

test('an entry is dropped by keyboard alone, once it is said what that means', async (t) => {
  const { page } = await bench.open(t, '/#/queues');
  await entry(page, 'inventory').getByRole('button', { name: 'Drop…' }).focus();
  await page.keyboard.press('Enter');
  assert.match(await page.getByRole('dialog').innerText(), /saga\/inventory will never react to it/);
  assert.equal((await parked()).length, 5, 'nothing happens before it is agreed to');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await becomes(async () => (await shown(page)).map(([consumer]) => consumer), ['projector', 'saga/crm', 'saga/order', 'saga/shipping']);
  assert.deepEqual(await shown(page), await told());
  // Who works through them by keyboard goes on with the next.
  await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Retry…');
});

test('many are shown a page at a time', async (t) => {
  const { page } = await bench.open(t, '/#/live');
  const all = Array.from({ length: 70 }, (_, index) => ({
    consumer: 'saga/crm', topic: 'order', position: `1795341904815-${index}`, reason: 'no', attempts: 1, since: '2026-11-23T01:02:03Z', retry: false,
  }));
  await page.route('**/api/v1/parked?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    const from = Number(query.get('after') ?? 0);
    const entries = all.slice(from, from + Number(query.get('limit')));
    const next = from + entries.length < all.length ? String(from + entries.length) : null;
    return route.fulfill({ json: { result: { count: all.length, entries, next } } });
  });
  await page.goto(`${bench.retrace.base}/#/queues`);
  await becomes(async () => (await shown(page)).length, 50);
  await page.getByRole('link', { name: 'Next 50' }).click();
  await becomes(async () => (await shown(page)).map(([, , position]) => position), all.slice(50).map(({ position }) => position));
  assert.match(await page.locator('.parked .pages').innerText(), /70 entries in all/);
  await page.getByRole('link', { name: 'First page' }).click();
  await becomes(async () => (await shown(page)).length, 50);
});

test('everybody can use it, and it fits a telephone', async (t) => {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const { page } = await bench.open(t, '/#/queues', { colorScheme, viewport: NARROW });
    await page.locator('.parked li').first().waitFor();
    assert.deepEqual(await serious(page), []);
    assert.equal(await page.evaluate(() => document.querySelector('main')?.scrollWidth), NARROW.width);
    await page.getByRole('button', { name: 'Drop…' }).first().click();
    assert.deepEqual(await serious(page), []);
  }
});
