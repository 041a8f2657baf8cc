// The State view: the whole page stands at one moment, and the slider moves it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './support/axe.js';
import { NARROW } from './support/browser.js';
import { addressed, arrived, numberOf, reaches, shownAt, shows, stateAt } from './support/moment.js';
import { fixture } from './support/retrace.js';
import { entries } from './support/story.js';
import { becomes, takesLessThan, until } from './support/until.js';
import { settled, workbench } from './support/workbench.js';

const bench = workbench({ history: fixture('ordershop-demo') });
const LAST = 979;
const TOPICS = ['order', 'inventory', 'customer', 'cart', 'billing', 'product', 'shipping', 'mail'];

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page */
const slider = (page) => page.getByRole('slider', { name: 'Moment' });

/** Numbers that look like chance and are the same each time. @param {number} seed */
function chance(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The events next to a moment. @param {string} query */
const events = async (query) => (await bench.retrace.get(`/api/v1/log?${query}`)).events;

test('at ten random positions of the slider the page shows what the gateway says', async (t) => {
  const { page } = await bench.open(t, '/#/state/order');
  await arrived(page);
  const random = chance(6);
  for (let round = 0; round < 10; round += 1) {
    const [number, topic] = [random(LAST + 1), TOPICS[round % TOPICS.length] ?? 'order'];
    await page.locator('.tabs a', { hasText: topic }).click();
    await slider(page).fill(String(number));
    await shows(page, await stateAt(bench.retrace, `#${number}`, topic));
    await reaches(page, number);
  }
});

test('the slider goes event by event, a hundredth at a time, and to both ends', async (t) => {
  const { page } = await bench.open(t, '/#/state/order?at=%23300');
  await arrived(page);
  await slider(page).focus();
  const { event } = await bench.retrace.get('/api/v1/state?at=%23300');
  const after = await events('after=%23300&limit=5');
  for (const { number } of after) {
    await page.keyboard.press('ArrowRight');
    await reaches(page, number);
  }
  for (const { number } of [...after.slice(0, -1).reverse(), event]) {
    await page.keyboard.press('ArrowLeft');
    await reaches(page, number);
  }
  await page.keyboard.press('PageUp');
  await reaches(page, event.number + 10);
  await page.keyboard.press('PageDown');
  await reaches(page, event.number);
  await page.keyboard.press('Home');
  await page.getByText('before the first event').waitFor();
  await shows(page, await stateAt(bench.retrace, '#0', 'order'));
  await page.keyboard.press('ArrowRight');
  await reaches(page, 1);
  await page.keyboard.press('End');
  await reaches(page, LAST);
  assert.equal(await page.getByRole('button', { name: 'Live' }).getAttribute('aria-pressed'), 'true');
});

test('steps that come faster than answers are all made', async (t) => {
  const { page } = await bench.open(t, '/#/state/order?at=%23100');
  await arrived(page);
  await slider(page).focus();
  const after = await events('after=%23100&limit=30');
  for (let press = 0; press < 30; press += 1) await page.keyboard.press('ArrowRight');
  await reaches(page, after.at(-1).number);
  for (let press = 0; press < 29; press += 1) await page.keyboard.press('ArrowLeft');
  await reaches(page, after[0].number);
});

test('who drags is shown the newest, and what has been overtaken is broken off', async (t) => {
  const { page } = await bench.open(t, '/#/state/order?at=%23100');
  await arrived(page);
  let asked = 0;
  let broken = 0;
  page.on('requestfailed', () => (broken += 1));
  await page.route('**/api/v1/state*', async (route) => {
    asked += 1;
    // The first is answered only when the drag is over, if anybody still wants it.
    if (asked === 1) await until('the drag is over', () => broken === 1);
    await route.continue().catch(() => {});
  });
  await slider(page).evaluate((input) => {
    for (let number = 101; number <= 400; number += 1) {
      /** @type {HTMLInputElement} */ (input).value = String(number);
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }
  });
  await reaches(page, 400);
  await shows(page, await stateAt(bench.retrace, '#400', 'order'));
  assert.deepEqual([asked, broken], [2, 1]);
});

test('it plays, stops, and shows what is there', async (t) => {
  const { page } = await bench.open(t, '/#/state/inventory?at=%23200');
  await arrived(page);
  await page.getByRole('button', { name: '100 events a second' }).click();
  await page.getByRole('button', { name: 'Play' }).click();
  await until('it has come far', async () => (await numberOf(page)) > 300);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Play' }).waitFor();
  // What was on its way when it was paused may still come, and the address is a little behind.
  const at = () => /[?&]at=([\d-]+)$/.exec(page.url())?.[1] ?? 'nowhere';
  await becomes(async () => (await shownAt(page)).position === at(), true);
  const here = await numberOf(page);
  await shows(page, await stateAt(bench.retrace, at(), 'inventory'));
  await settled(page);
  assert.deepEqual([await numberOf(page), here < LAST], [here, true]);
});

test('it plays to the end and stays there', async (t) => {
  const { page } = await bench.open(t, `/#/state/order?at=%23${LAST - 20}`);
  await arrived(page);
  await page.getByRole('button', { name: '100 events a second' }).click();
  await slider(page).focus();
  await page.keyboard.press('Space');
  await reaches(page, LAST);
  await page.getByRole('button', { name: 'Play' }).waitFor();
  await shows(page, await stateAt(bench.retrace, `#${LAST}`, 'order'));
});

test('a moment that could not be had is asked for again, and no other', async (t) => {
  let isAway = true;
  const { page, watch } = await bench.open(t, '/#/state/order?at=%23300', {}, (page) =>
    page.route(/\/api\/v1\/state\?/, (route) => (isAway ? route.fulfill({ status: 503, json: { status: 503 } }) : route.continue())),
  );
  watch.excuse(/status of 503/);
  const again = page.getByRole('button', { name: 'Try again' });
  await again.click();
  await again.waitFor();
  isAway = false;
  await again.click();
  await shows(page, await stateAt(bench.retrace, '#300', 'order'));
  await addressed(page, (await stateAt(bench.retrace, '#300', 'order')).position);
});

test('any moment can be typed, and what is none is told', async (t) => {
  const { page, watch } = await bench.open(t, '/#/state/order?at=%23100');
  watch.excuse(/status of 4\d\d/);
  await arrived(page);
  const { position } = await bench.retrace.get('/api/v1/state?at=%23500').then(({ at }) => at);
  const field = page.getByLabel('Go to');
  for (const typed of ['#500', '500', position]) {
    await field.fill(typed);
    await field.press('Enter');
    await reaches(page, 500);
    await field.fill('#7');
    await field.press('Enter');
    await reaches(page, 7);
  }
  await field.fill('2026-11-22 18:25:13');
  await field.press('Enter');
  await shows(page, await stateAt(bench.retrace, '2026-11-22T18:25:13Z', 'order'));
  await field.fill('yesterday, or so');
  await field.press('Enter');
  await page.getByRole('alert').filter({ hasText: '"yesterday, or so" is no moment' }).waitFor();
  await field.fill('#8');
  await field.press('Enter');
  await reaches(page, 8);
  await becomes(() => page.getByRole('alert').count(), 0);
});

test('reload keeps the moment, the topic, the page of the table and the pins', async (t) => {
  const { page } = await bench.open(t, '/#/state/mail?at=%23600');
  await arrived(page);
  await slider(page).fill('700');
  await reaches(page, 700);
  await addressed(page, (await bench.retrace.get('/api/v1/state?at=%23700')).at.position);
  await page.getByRole('button', { name: 'Pin A' }).click();
  await page.getByRole('link', { name: 'Next' }).click();
  await until('the second page is there', () => page.url().includes('after='));
  const { next } = await bench.retrace.get('/api/v1/state?at=%23700&topic=mail');
  const keys = async () => (await shownAt(page)).rows.map(([key]) => key);
  const expected = (await stateAt(bench.retrace, '#700', 'mail', `&after=${next}`)).rows.map((/** @type {string[]} */ [key]) => key);
  await becomes(keys, expected);
  const before = page.url();
  await page.reload();
  await becomes(keys, expected);
  assert.equal(page.url(), before);
  assert.equal(await numberOf(page), 700);
  await page.getByRole('button', { name: 'A #700' }).waitFor();
  await page.getByRole('link', { name: 'Previous' }).click();
  await becomes(async () => (await keys()).length, 50);
  assert.ok(!page.url().includes('after='));
});

test('the row that the event changed is on top, with what it was and what it is', async (t) => {
  const change = (await entries('ordershop-demo')).find(({ topic, action, data }) => topic === 'order' && action === 'entity_updated' && data.status === 'SHIPPED');
  assert.ok(change);
  const { page } = await bench.open(t, `/#/state/order?at=%23${change.number}`);
  await arrived(page);
  const here = page.locator('tbody.step tr.updated');
  await becomes(() => here.locator('a.entity').first().getAttribute('title'), `order ${change.data.entity_id}`);
  const { change: told } = await bench.retrace.get(`/api/v1/state?at=%23${change.number}`);
  assert.deepEqual(await here.locator('del, ins').allTextContents(), [told.before.status, 'SHIPPED']);
  assert.deepEqual(await page.locator('.happened :is(del, ins)').allTextContents(), [told.before.status, 'SHIPPED']);
  assert.deepEqual(await page.locator('tbody.page tr.touched td.changed').allTextContents(), ['SHIPPED']);
});

test('a row is found by its id, and by how that begins', async (t) => {
  const { page } = await bench.open(t, '/#/state/order?at=%23600');
  await arrived(page);
  const { rows } = await bench.retrace.get('/api/v1/state?at=%23600&topic=order');
  const { key } = rows[20];
  const find = page.getByRole('searchbox', { name: 'Find a order by its id' });
  await find.fill('no such id');
  await find.press('Enter');
  await page.getByText('No order then has an id that begins so.').waitFor();
  for (const typed of [key.slice(0, 13), key]) {
    await find.fill(typed);
    await find.press('Enter');
    await page.locator('.entity-card .key').getByText(key).waitFor();
    assert.match(page.url(), new RegExp(`#/state/order/${key}\\?at=`));
    await page.getByRole('link', { name: 'All orders' }).click();
    await find.waitFor();
  }
});

test('an entity does not exist yet, exists, and is deleted', async (t) => {
  const log = await entries('ordershop-demo');
  const end = log.find(({ topic, action }) => topic === 'billing' && action === 'entity_deleted');
  assert.ok(end);
  const { entity_id: id } = end.data;
  const begin = log.find(({ topic, data }) => topic === 'billing' && data.entity_id === id);
  assert.ok(begin);
  const { page } = await bench.open(t, `/#/state/billing/${id}?at=%23${begin.number - 1}`);
  await page.getByText('Does not exist yet.').waitFor();
  await slider(page).fill(String(begin.number));
  const row = page.locator('.entity-card dl.row').first().locator('dd');
  await becomes(() => row.last().textContent(), String(begin.data.amount));
  await page.getByRole('heading', { name: 'Changed at this moment' }).waitFor();
  assert.equal(await row.first().locator('a').getAttribute('title'), `order ${begin.data.order_id}`);
  await slider(page).fill(String(end.number));
  await page.locator('.notice', { hasText: 'Deleted on 2026-11-22 at' }).waitFor();
});

test('what refers to an entity is linked, and leads there at the same moment', async (t) => {
  const shipped = (await bench.retrace.get('/api/v1/state?at=%23600&topic=shipping')).rows[0].row;
  const { page } = await bench.open(t, `/#/state/order/${shipped.order_id}?at=%23600`);
  const { referrers } = await bench.retrace.get(`/api/v1/state/order/${shipped.order_id}/referrers?at=%23600`);
  const links = page.locator('.referrers a.entity');
  await becomes(
    async () => links.evaluateAll((links) => links.map((link) => link.getAttribute('title'))),
    referrers.map((/** @type {any} */ { topic, key }) => `${topic} ${key}`),
  );
  await page.locator(`.referrers a[title^="shipping "]`).click();
  await page.locator('.relations').getByTitle(`order ${shipped.order_id}`).waitFor();
  await becomes(() => numberOf(page), 600);
});

test('nobody finds anything seriously wrong, in light and dark, wide and narrow, and nothing sticks out', async (t) => {
  const order = (await bench.retrace.get('/api/v1/state?at=%23302')).change.key;
  for (const look of /** @type {const} */ ([{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'light', viewport: NARROW }])) {
    for (const address of ['/#/state/order?at=%23302&a=%23100&b=%23500', `/#/state/order/${order}?at=%23302`, '/#/state/mail?at=%230']) {
      const { page } = await bench.open(t, address, look);
      await arrived(page);
      if (address.includes(order)) await page.locator('.referrers').waitFor();
      assert.deepEqual(await serious(page), []);
      const [wide, there] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= there, `${address} is ${wide} wide in ${there}`);
    }
  }
});

test('a step of the slider takes less than 100 ms', async (t) => {
  const { page } = await bench.open(t, '/#/state/order?at=%23300');
  await arrived(page);
  await takesLessThan(100, () => medianStep(t, page));
});

/** Milliseconds from the key to the next event on the screen, the median of 30. @param {import('node:test').TestContext} t @param {import('playwright-core').Page} page */
async function medianStep(t, page) {
  const took = await slider(page).evaluate(async (input) => {
    const label = () => document.querySelector('.moment .label code')?.textContent;
    const took = [];
    for (let step = 0; step < 30; step += 1) {
      const [before, began] = [label(), performance.now()];
      input.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
      while (label() === before) await new Promise(requestAnimationFrame);
      took.push(performance.now() - began);
    }
    return took.sort((a, b) => a - b);
  });
  const [middle = 0, most = 0] = [took[15], took[29]];
  t.diagnostic(`from the key to the screen: median ${middle.toFixed(0)} ms, most ${most.toFixed(0)} ms`);
  return middle;
}

// From here on the log grows.

test('live follows what happens, and whoever looks back is not moved', async (t) => {
  const { page } = await bench.open(t, '/#/state/customer');
  await reaches(page, LAST);
  await page.locator('.connection.live').waitFor();
  const back = await bench.open(t, '/#/state/customer?at=%23500');
  await reaches(back.page, 500);
  await bench.retrace.post('/customer', { name: 'Nora Follows', email: 'nora@shop.example' });
  await page.locator('tbody.page tr', { hasText: 'Nora Follows' }).waitFor();
  // A mail welcomes her.
  await page.locator('.happened', { hasText: 'nora@shop.example' }).waitFor();
  await shows(page, await stateAt(bench.retrace, '', 'customer'));
  await until('the slider of who looks back knows', async () => Number(await slider(back.page).getAttribute('max')) > LAST);
  assert.equal(await numberOf(back.page), 500);
  assert.ok(!page.url().includes('at='));
});

test('data is text, whatever is in it', async (t) => {
  const hostile = [
    '<img src=x onerror="document.title=1"><script>document.title=2</script>',
    '"><b>bold</b>&amp;',
    '\u202eright to left\u202c مرحبا',
    '👩‍👩‍👧‍👦 🏳️‍🌈 𝒳',
    'long '.repeat(20_000),
  ];
  for (const name of hostile) await bench.retrace.post('/customer', { name, email: 'a@shop.example' });
  const { page } = await bench.open(t, '/#/state/customer');
  await page.locator('.tabs a', { hasText: 'customer' }).waitFor();
  const cells = page.locator('tbody.page tr td:first-of-type');
  const told = ['<img src=x onerror="document.title=1"><script>document.title=2</script>', '"><b>bold</b>&amp;', '👩‍👩‍👧‍👦 🏳️‍🌈 𝒳'];
  const tell = async () => {
    const texts = await cells.allTextContents();
    return told.filter((name) => texts.some((text) => text.trim().startsWith(name.slice(0, 70))));
  };
  await becomes(tell, told);
  assert.ok((await cells.allTextContents()).some((text) => text.includes('\\u{202e}right to left\\u{202c} مرحبا')));
  assert.equal(await page.locator('table.rows :is(img, script, td b)').count(), 0);
  const long = page.locator('tbody.page tr', { hasText: 'long long' });
  await long.getByRole('button', { name: 'all 100 kB' }).click();
  await becomes(async () => (await long.locator('td').first().textContent())?.trim().length, 'long '.repeat(20_000).trim().length);
  const [wide, there] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= there);
  assert.equal(await page.title(), 'customer · state · ordershop · Retrace');
  assert.deepEqual(await serious(page), []);
  const [{ key: id } = { key: '' }] = (await events('limit=1')).slice(-1);
  await page.goto(`${bench.retrace.base}/#/state/customer/${id}`);
  await page.locator('.entity-card .key', { hasText: id }).waitFor();
  const card = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok((card[0] ?? 0) <= (card[1] ?? 0));
});

test('a gateway that is gone is told, and the page goes on when it is back', async (t) => {
  const { page, watch } = await bench.open(t, '/#/state/order?at=%23300');
  watch.excuseAway();
  await arrived(page);
  await bench.retrace.kill();
  await page.locator('.connection.lost').waitFor();
  await slider(page).fill('400');
  await page.getByText('The gateway does not answer.').waitFor();
  await bench.retrace.start();
  // Before its timeline is there it does not count rows.
  const counted = async () => Object.values((await stateAt(bench.retrace, '#401', 'order')).counts).every((count) => count !== null);
  await until('rows are counted', counted);
  await slider(page).fill('401');
  await shows(page, await stateAt(bench.retrace, '#401', 'order'));
  await addressed(page, (await bench.retrace.get('/api/v1/state?at=%23401')).at.position);
});
