// The Shop: an order by hand from empty shelves to its delivery, and what a shop says no to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { becomes, until } from './support/until.js';
import { workbench } from './support/workbench.js';

const bench = workbench();

/** @typedef {import('playwright-core').Page} Page */

/** The statuses that the order has had, as the line tells them. @param {Page} page */
const line = (page) => page.locator('.steps li.done b').allTextContents();

/** @param {Page} page @param {string} name */
const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

/** What a click has caused, as it is told: `order created CREATED`. @param {Page} page @param {string} title */
const caused = (page, title) =>
  page.locator('.click', { hasText: title }).first().locator('.what').evaluateAll((told) =>
    told.map((one) => [one.querySelector('.chip'), one.querySelector('.verb')].map((part) => part?.textContent?.trim()).join(' ')),
  );

/** What is in stock, by product. @param {Page} page */
const stock = async (page) =>
  Object.fromEntries(
    await page.locator('.shelves tbody tr').evaluateAll((rows) =>
      rows.map((row) => [row.querySelector('th')?.textContent ?? '', row.querySelector('td:nth-child(3)')?.textContent ?? '']),
    ),
  );

/** Fills the shelves of an empty shop. @param {Page} page */
async function fill(page) {
  await press(page, 'Fill the shelves');
  await becomes(() => stock(page), WARES);
}

const WARES = {
  'Bottle of ink': '8',
  'Desk lamp': '5',
  'Fountain pen': '12',
  Globe: '1',
  Notebook: '40',
  'Reading chair': '2',
};

test('an order from empty shelves to its delivery', async (t) => {
  const { page } = await bench.open(t, '/#/page/shop');
  await fill(page);
  await press(page, 'Add Globe to the cart');
  await press(page, 'Add Notebook to the cart');
  await press(page, 'Add Notebook to the cart');
  await becomes(() => page.locator('.cart tfoot b').allTextContents(), ['€93']);
  await becomes(() => page.locator('.cart tfoot th').allTextContents(), ['3 products']);
  await press(page, 'Order');
  await becomes(() => line(page), ['CREATED', 'IN_STOCK']);
  await becomes(() => stock(page), { ...WARES, Globe: 'none', Notebook: '38' });
  await becomes(async () => (await caused(page, 'Order')).toSorted(), [
    'inventory updated 0 in stock',
    'inventory updated 38 in stock',
    'mail sent to ada@example.org',
    'order created CREATED',
    'order updated IN_STOCK',
  ]);
  await becomes(() => page.locator('.next input').inputValue(), '93');
  await press(page, 'Pay');
  await becomes(() => line(page), ['CREATED', 'IN_STOCK', 'CLEARED', 'SHIPPED']);
  await press(page, 'Deliver');
  await becomes(() => line(page), ['CREATED', 'IN_STOCK', 'CLEARED', 'SHIPPED', 'DELIVERED']);
  await becomes(() => page.locator('.mails li').count(), 4);
  await becomes(() => caused(page, 'Deliver'), ['shipping updated delivered', 'order updated DELIVERED']);

  const [order] = await bench.retrace.get('/orders');
  assert.equal(order.status, 'DELIVERED');
  await becomes(() => /[?&]order=([^&]+)$/.exec(page.url())?.[1], order.entity_id);
  // Whoever reloads is where he was.
  await page.reload();
  await becomes(() => line(page), ['CREATED', 'IN_STOCK', 'CLEARED', 'SHIPPED', 'DELIVERED']);
  await becomes(() => page.locator('.click h3').allTextContents().then((titles) => titles.length), 1);
  assert.equal((await caused(page, 'so far')).at(-1), 'order updated DELIVERED');

  // Each event leads to why it happened.
  const trace = page.locator('.click li', { hasText: /DELIVERED/ }).getByRole('link', { name: 'Trace' });
  const id = (await trace.getAttribute('href'))?.split('/').pop();
  const { events } = await bench.retrace.get(`/api/v1/log?entity=${order.entity_id}`);
  assert.equal(id, events.at(-1).event_id);
});

test('what is refused is told in words, and leaves nothing behind', async (t) => {
  const { page, watch } = await bench.open(t, '/#/page/shop');
  watch.excuse(/status of 422/);
  assert.equal(await page.getByRole('button', { name: 'Add Globe to the cart' }).isDisabled(), true);
  await press(page, 'Add Reading chair to the cart');
  await press(page, 'Add Reading chair to the cart');
  await becomes(() => page.locator('.cart tfoot th').allTextContents(), ['2 products']);
  const before = (await bench.retrace.get('/api/v1/status')).head.number;
  await press(page, 'Add Reading chair to the cart');
  await becomes(() => page.locator('.cart .problem p').allTextContents(), ['the cart holds 3 of product Reading chair, but 2 are in stock']);
  assert.equal((await bench.retrace.get('/api/v1/status')).head.number, before);
  await press(page, 'Order');
  await becomes(() => line(page), ['CREATED', 'IN_STOCK']);
  await becomes(() => page.locator('.next input').inputValue(), '480');
  await page.locator('.next input').fill('479');
  await press(page, 'Pay');
  const id = new URLSearchParams(page.url().split('?')[1]).get('order');
  await becomes(() => page.locator('.order .problem p').allTextContents(), [`order ${id} costs 480, but the billing's amount is 479`]);
  assert.deepEqual(await page.locator('.click .badge').allTextContents(), ['refused, no event', 'refused, no event']);
  // Deleted, it gives its stock back.
  await press(page, 'Delete');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await becomes(async () => (await stock(page))['Reading chair'], '2');
});

test('an order that comes too late is out of stock', async (t) => {
  const { page } = await bench.open(t, '/#/page/shop');
  await press(page, 'Add Reading chair to the cart');
  await press(page, 'Add Reading chair to the cart');
  await becomes(() => page.locator('.cart tfoot th').allTextContents(), ['2 products']);
  const inventories = await bench.retrace.get('/inventories');
  const [{ entity_id, product_id }] = inventories.filter((/** @type {any} */ { amount }) => amount === 2);
  await bench.retrace.result('PUT', `/inventory/${entity_id}`, { product_id, amount: 1 });
  await press(page, 'Order');
  await becomes(() => line(page), ['CREATED', 'OUT_OF_STOCK']);
  await becomes(async () => (await stock(page))['Reading chair'], '1');
});

test('an answer that comes late puts nothing old over what has happened since', async (t) => {
  const { page } = await bench.open(t, '/#/live');
  await page.locator('.connection.live').waitFor();
  await page.evaluate(async () => {
    const { listen } = await import(new URL('assets/core/feed.js', document.baseURI).href);
    listen((/** @type {any[]} */ events) => events.some(({ topic }) => topic === 'inventory') && Object.assign(window, { heard: true }));
  });
  let [isRead, isReleased] = [false, false];
  await page.route(/state\?topic=inventory/, async (asked) => {
    const response = await asked.fetch();
    isRead = true;
    await until('the event was heard', () => isReleased);
    await asked.fulfill({ response });
  });
  await page.evaluate(() => Object.assign(location, { hash: '#/page/shop' }));
  await until('the answer is read', () => isRead);
  const notebooks = (await bench.retrace.get('/products')).find((/** @type {any} */ { name }) => name === 'Notebook').entity_id;
  const { entity_id, product_id, amount } = (await bench.retrace.get('/inventories')).find(
    (/** @type {any} */ row) => row.product_id === notebooks,
  );
  await bench.retrace.result('PUT', `/inventory/${entity_id}`, { product_id, amount: amount + 3 });
  await page.waitForFunction(() => 'heard' in window);
  isReleased = true;
  await becomes(async () => (await stock(page)).Notebook, String(amount + 3));
});

test('anybody can use it, in either light and in a narrow window', async (t) => {
  const order = (await bench.retrace.get('/orders'))[0].entity_id;
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const { page } = await bench.open(t, `/#/page/shop?order=${order}`, { colorScheme, viewport: NARROW });
    await until('the order is there', async () => (await line(page)).length > 1);
    assert.deepEqual(await serious(page), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), NARROW.width);
  }
});
